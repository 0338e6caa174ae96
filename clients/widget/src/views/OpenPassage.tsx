import { useLayoutEffect, useRef } from "preact/hooks";
import type { OpenPassage as What } from "../talk/state";
import { Icon } from "./Icon";
import { Passage } from "./Markup";
import { useView } from "./view";

export function OpenPassage({ passage }: { passage: What }) {
  const { state, talk } = useView();
  const box = useRef<HTMLElement>(null);
  const { source, sentence } = passage;
  const { texts } = state;
  useReturn(box, source.passage_id);
  return (
    <section class="passage" ref={box} aria-label={texts.passage}>
      <header>
        <button type="button" class="tool" aria-label={texts.back} title={texts.back} onClick={() => talk.showPassage(null)}>
          <Icon name="back" />
        </button>
        <h2>{texts.passage}</h2>
        <button type="button" class="tool" aria-label={texts.close} title={texts.close} onClick={() => talk.setOpen(false)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="passage-body" tabIndex={0} role="region" aria-label={source.title}>
        <h3 dir="auto">{source.title}</h3>
        <HeadingPath path={source.heading_path.filter((heading) => heading !== source.title)} />
        <div dir="auto">
          <Passage text={source.text} sentence={sentence} />
        </div>
      </div>
    </section>
  );
}

function HeadingPath({ path }: { path: readonly string[] }) {
  if (!path.length) return null;
  return (
    <p class="path faint" dir="auto">
      {path.join(" › ")}
    </p>
  );
}

/** Puts the keyboard on the way back, and, when the passage closes, where it was before. */
function useReturn(box: { current: HTMLElement | null }, passageId: string): void {
  useLayoutEffect(() => {
    // Before the browser notices that what has the keyboard is inert now.
    const root = box.current?.getRootNode() as ShadowRoot | undefined;
    const before = root?.activeElement as HTMLElement | null;
    box.current?.querySelector<HTMLElement>("button")?.focus();
    box.current?.querySelector("mark, .cited")?.scrollIntoView({ block: "center" });
    // The conversation is inert until this view has gone.
    return () => void requestAnimationFrame(() => before?.focus());
  }, [passageId]);
}
