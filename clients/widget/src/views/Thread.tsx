import { useLayoutEffect, useRef } from "preact/hooks";
import type { Entry, Note, PersonEntry } from "../talk/entries";
import { Avatar } from "./Banner";
import { Plain } from "./Markup";
import { Cite } from "./Sources";
import { TurnView } from "./Turn";
import { fill, useView } from "./view";

const NEAR_PX = 80;

export function Thread() {
  const { state } = useView();
  const { texts, entries, loading, typing } = state;
  const box = useStickToEnd(entries);
  const busy = entries.some((entry) => entry.kind === "turn" && entry.state === "running");
  const said = entries.some((entry) => entry.kind !== "note");
  return (
    <div class="thread" ref={box} role="region" aria-label={texts.conversation} aria-busy={busy} tabIndex={0}>
      {loading && <p class="dots">{texts.loading}</p>}
      {!loading && !said && <Welcome />}
      {entries.length > 0 && (
        <ol>
          {entries.map((entry) => (
            <li key={entry.id} class={entry.kind}>
              <One entry={entry} />
            </li>
          ))}
        </ol>
      )}
      {typing && <p class="dots">{fill(texts.typing, { name: typing })}</p>}
    </div>
  );
}

function One({ entry }: { entry: Entry }) {
  if (entry.kind === "turn") return <TurnView turn={entry} />;
  return entry.kind === "message" ? <Message message={entry} /> : <NoteLine note={entry} />;
}

function Welcome() {
  const { state, talk } = useView();
  const { texts, look } = state;
  const questions = (look.questions ?? []).filter((question) => typeof question === "string");
  return (
    <div class="welcome">
      <p class="greeting">
        <bdi>{look.greeting || texts.greeting}</bdi>
      </p>
      <p class="faint">{texts.about}</p>
      {questions.length > 0 && (
        <ul class="suggestions" aria-label={texts.suggestions}>
          {questions.map((question) => (
            <li key={question}>
              <button type="button" onClick={() => talk.ask(question)}>
                <bdi>{question}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Message({ message }: { message: PersonEntry }) {
  const { state } = useView();
  const name = message.name || state.texts.person;
  return (
    <div class="from-person">
      <Avatar name={name} />
      <div>
        <p class="who">
          <bdi>{name}</bdi> <time dateTime={message.created_at}>{showTime(message.created_at, state.locale)}</time>
        </p>
        <p class="bubble">
          <span dir="auto">
            <Plain text={message.text} />
          </span>
        </p>
        {message.sources.map((source, index) => (
          <Cite key={source.passage_id} source={source} number={index + 1} sentence={message.text} long />
        ))}
      </div>
    </div>
  );
}

function NoteLine({ note }: { note: Note }) {
  const { state } = useView();
  return <p class="note-text">{fill(state.texts.notes[note.note], { name: note.name || state.texts.person })}</p>;
}

function showTime(at: string, locale: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(date);
}

/** Keeps the newest in sight, unless somebody has scrolled up to read. */
function useStickToEnd(entries: readonly Entry[]) {
  const box = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const count = useRef(0);
  useLayoutEffect(() => {
    const watch = (): void => {
      const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = box.current ?? {};
      sticks.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    };
    box.current?.addEventListener("scroll", watch, { passive: true });
  }, []);
  useLayoutEffect(() => {
    const asked = entries.filter((entry) => entry.kind === "turn").length;
    if (asked !== count.current) sticks.current = true;
    count.current = asked;
    if (sticks.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  return box;
}
