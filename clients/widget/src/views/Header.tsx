import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./Icon";
import { useView } from "./view";

export function Header() {
  const { state, talk } = useView();
  const { texts, look, handoff, entries } = state;
  return (
    <header>
      <h2 id="title">
        <bdi>{look.title || texts.title}</bdi>
      </h2>
      {!handoff && <Tool icon="person" name={texts.talk} act={() => talk.askForPerson()} />}
      {entries.length > 0 && (
        <Tool icon="restart" name={texts.clear} act={() => talk.show({ clearing: true })} />
      )}
      <Tool icon="close" name={texts.close} act={() => talk.setOpen(false)} />
    </header>
  );
}

function Tool({ icon, name, act }: { icon: IconName; name: string; act: () => void }) {
  return (
    <button type="button" class={`tool tool-${icon}`} aria-label={name} title={name} onClick={act}>
      <Icon name={icon} />
    </button>
  );
}

export function Clearing() {
  const { state, talk } = useView();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  const { texts } = state;
  return (
    <div class="strip asking" role="group" aria-label={texts.clear}>
      <p>{texts.clearAsk}</p>
      <div class="choices">
        <button type="button" class="strong" ref={first} onClick={() => talk.clear()}>
          {texts.clear}
        </button>
        <button type="button" onClick={() => talk.show({ clearing: false })}>
          {texts.cancel}
        </button>
      </div>
    </div>
  );
}
