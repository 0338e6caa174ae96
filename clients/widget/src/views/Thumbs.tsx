import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Turn } from "../talk/entries";
import { Icon } from "./Icon";
import { useView } from "./view";

interface Props {
  turn: Turn;
  rate: (helpful: boolean, comment: string | null) => void;
}

export function Thumbs({ turn, rate }: Props) {
  const { state } = useView();
  const [asking, setAsking] = useState(false);
  const down = useRef<HTMLButtonElement>(null);
  const { texts } = state;
  const choose = (helpful: boolean): void => {
    rate(helpful, null);
    setAsking(!helpful);
  };
  const pressed = (helpful: boolean): boolean => turn.rating?.helpful === helpful;
  const tell = (comment: string): void => {
    rate(false, comment || null);
    setAsking(false);
    down.current?.focus();
  };
  return (
    <div class="thumbs" role="group" aria-label={texts.helped}>
      <button type="button" aria-label={texts.yes} title={texts.yes} aria-pressed={pressed(true)} onClick={() => choose(true)}>
        <Icon name="up" />
      </button>
      <button type="button" ref={down} aria-label={texts.no} title={texts.no} aria-pressed={pressed(false)} onClick={() => choose(false)}>
        <Icon name="down" />
      </button>
      {turn.rating && !asking && <span class="faint">{texts.thanks}</span>}
      {asking && <Reasons tell={tell} />}
    </div>
  );
}

function Reasons({ tell }: { tell: (comment: string) => void }) {
  const { state } = useView();
  const [reason, setReason] = useState("");
  const [more, setMore] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => first.current?.focus(), []);
  const { texts } = state;
  const send = (event: Event): void => {
    event.preventDefault();
    tell([reason, more.trim()].filter(Boolean).join(": "));
  };
  return (
    <form class="reasons" onSubmit={send}>
      <fieldset>
        <legend>{texts.why}</legend>
        {texts.reasons.map((text, index) => (
          <label key={text}>
            <input
              type="radio"
              name={id}
              ref={index ? null : first}
              checked={reason === text}
              onChange={() => setReason(text)}
            />
            <span>{text}</span>
          </label>
        ))}
      </fieldset>
      <label class="hidden" for={`${id}-more`}>
        {texts.more}
      </label>
      <input
        id={`${id}-more`}
        type="text"
        maxLength={1500}
        placeholder={texts.more}
        value={more}
        onInput={(event) => setMore(event.currentTarget.value)}
      />
      <button type="submit" class="strong">
        {texts.tell}
      </button>
    </form>
  );
}
