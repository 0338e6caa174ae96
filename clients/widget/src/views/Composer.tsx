import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";
import { useView } from "./view";

const TALLEST_PX = 140;

export function Composer() {
  const { state, talk } = useView();
  const { texts, draft, entries, open } = state;
  const box = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const running = entries.some((entry) => entry.kind === "turn" && entry.state === "running");
  useLayoutEffect(() => grow(box.current), [draft, open]);
  useEffect(() => {
    const refit = (): void => grow(box.current);
    addEventListener("resize", refit);
    return () => removeEventListener("resize", refit);
  }, []);
  const send = (event: Event): void => {
    event.preventDefault();
    talk.ask(draft);
    box.current?.focus();
  };
  const stop = (): void => {
    talk.stop();
    box.current?.focus();
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
  };
  return (
    <form class="composer" onSubmit={send}>
      <label class="hidden" for={id}>
        {texts.message}
      </label>
      <textarea
        id={id}
        ref={box}
        rows={1}
        dir={draft ? "auto" : undefined}
        enterkeyhint="send"
        placeholder={texts.placeholder}
        value={draft}
        onInput={(event) => talk.setDraft(event.currentTarget.value)}
        onKeyDown={press}
      />
      <SendOrStop stops={running && !draft.trim()} empty={!draft.trim()} stop={stop} />
    </form>
  );
}

function SendOrStop({ stops, empty, stop }: { stops: boolean; empty: boolean; stop: () => void }) {
  const { texts } = useView().state;
  if (stops)
    return (
      <button type="button" class="send" aria-label={texts.stop} title={texts.stop} onClick={stop}>
        <Icon name="stop" />
      </button>
    );
  return (
    <button type="submit" class="send" aria-label={texts.send} title={texts.send} aria-disabled={empty}>
      <Icon name="send" />
    </button>
  );
}

function grow(box: HTMLTextAreaElement | null): void {
  if (!box?.offsetParent) return;
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
}
