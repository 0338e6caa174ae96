// What is said about a hand-off, as long as there is one.
import { useId, useState } from "preact/hooks";
import type { Handoff } from "../talk/wire";
import { Icon } from "./Icon";
import { fill, useView } from "./view";

export function Banner({ handoff }: { handoff: Handoff }) {
  const { state } = useView();
  const { texts, leavingEmail } = state;
  if (handoff.state === "taken") {
    const name = handoff.name || texts.person;
    return (
      <div class="strip banner taken">
        <Avatar name={name} />
        <p>{fill(texts.taken, { name })}</p>
      </div>
    );
  }
  const asks = !handoff.emailed && (leavingEmail || !handoff.attended);
  return (
    <div class="strip banner waiting">
      <span class="avatar">
        <Icon name={handoff.attended ? "person" : "away"} />
      </span>
      <div>
        <Waiting handoff={handoff} />
        {asks && <Email />}
      </div>
    </div>
  );
}

function Waiting({ handoff }: { handoff: Handoff }) {
  const { state, talk } = useView();
  const { texts, leavingEmail } = state;
  if (handoff.emailed) return <p>{texts.emailed}</p>;
  if (!handoff.attended)
    return (
      <p>
        <strong>{texts.away}</strong> {texts.awayAsk}
      </p>
    );
  return (
    <>
      <p>
        <strong>{texts.waiting}</strong> {texts.waitingLong}
      </p>
      {!leavingEmail && (
        <button type="button" class="plain" onClick={() => talk.show({ leavingEmail: true })}>
          {texts.emailInstead}
        </button>
      )}
    </>
  );
}

function Email() {
  const { state, talk } = useView();
  const [email, setEmail] = useState("");
  const [problem, setProblem] = useState("");
  const id = useId();
  const { texts } = state;
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    const taken = await talk.leaveEmail(email.trim()).catch(() => null);
    setProblem(taken === null ? texts.trouble.unreachable : taken ? "" : texts.emailWrong);
  };
  return (
    <form class="email" onSubmit={(event) => void send(event)}>
      <label for={id}>{texts.email}</label>
      <div class="row">
        <input
          id={id}
          type="email"
          dir="ltr"
          required
          maxLength={254}
          autocomplete="email"
          value={email}
          aria-invalid={problem ? "true" : undefined}
          aria-describedby={problem ? `${id}-problem` : undefined}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <button type="submit" class="strong">
          {texts.emailSend}
        </button>
      </div>
      {problem && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

export function Avatar({ name }: { name: string }) {
  return (
    <span class="avatar" aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}
