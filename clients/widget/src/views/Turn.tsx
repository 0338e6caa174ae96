import { isSilent, type Turn } from "../talk/entries";
import type { Sentence } from "../talk/wire";
import { Line, Plain } from "./Markup";
import { Cite, Nearest, SourceList } from "./Sources";
import { Thumbs } from "./Thumbs";
import { fill, useView } from "./view";

const LISTED = /^(\d+[.)]|[-*•])\s/;

export function TurnView({ turn }: { turn: Turn }) {
  const { state } = useView();
  return (
    <>
      <span class="hidden">{state.texts.you}: </span>
      <p class="bubble mine">
        <span dir="auto">
          <Plain text={turn.question} />
        </span>
      </p>
      {turn.state === "unsent" ? <Unsent turn={turn} /> : <Reply turn={turn} />}
    </>
  );
}

function Unsent({ turn }: { turn: Turn }) {
  const { state } = useView();
  const ahead = state.entries.find((e) => e.kind === "turn" && (e.state === "running" || e.state === "unsent"));
  const { texts, trouble } = state;
  if (ahead !== turn) return <p class="status">{texts.next}</p>;
  return trouble ? <p class="status">{texts.unsent}</p> : <p class="dots">{texts.looking}</p>;
}

function Reply({ turn }: { turn: Turn }) {
  const { state, talk } = useView();
  const { texts } = state;
  if (isSilent(turn) || (turn.reason === "with_person" && !turn.text)) return null;
  return (
    <div class="reply" data-outcome={turn.outcome}>
      <span class="hidden">{texts.assistant}: </span>
      <Words turn={turn} />
      {turn.state === "running" && !turn.outcome && <Working turn={turn} />}
      {turn.state === "stopped" && <Broken text={texts.stopped} act={texts.goOn} turn={turn} />}
      {turn.state === "failed" &&
        (turn.reason === "too_long" ? (
          <p class="problem">{texts.tooLong}</p>
        ) : (
          <Broken text={texts.failed} act={texts.again} turn={turn} />
        ))}
      {turn.state === "done" && <SourceList turn={turn} />}
      {turn.outcome === "abstained" && turn.state === "done" && <WayOut turn={turn} />}
      {turn.state === "done" && turn.outcome !== "handed_off" && (
        <Thumbs turn={turn} rate={(helpful, comment) => void talk.rate(turn, helpful, comment)} />
      )}
    </div>
  );
}

function Words({ turn }: { turn: Turn }) {
  if (!turn.sentences.length)
    return turn.text ? (
      <p class="answer" dir="auto">
        <Line text={turn.text} />
      </p>
    ) : null;
  return (
    <p class="answer" dir="auto">
      {turn.sentences.map((sentence, index) => (
        <Said key={index} turn={turn} sentence={sentence} first={index === 0} />
      ))}
    </p>
  );
}

function Said({ turn, sentence, first }: { turn: Turn; sentence: Sentence; first: boolean }) {
  const numbers = sentence.citations
    .map((id) => turn.sources.findIndex((source) => source.passage_id === id))
    .filter((place) => place >= 0);
  const listed = LISTED.test(sentence.text);
  return (
    <span class="sentence">
      {!first && (listed ? <br /> : " ")}
      <Line text={sentence.text} />
      {numbers.map((place) => (
        <Cite
          key={place}
          source={turn.sources[place]!}
          number={place + 1}
          sentence={sentence.text}
        />
      ))}
    </span>
  );
}

function Working({ turn }: { turn: Turn }) {
  const { state } = useView();
  const { texts } = state;
  const count = turn.sources.length;
  const found = count ? fill(texts.reading, { count }) : texts.looking;
  return (
    <>
      <p class="dots">{turn.slow ? texts.slow : turn.sentences.length ? "" : found}</p>
      {count > 0 && !turn.sentences.length && (
        <ul class="found" aria-label={texts.sources}>
          {[...new Set(turn.sources.map((source) => source.title))].map((title) => (
            <li key={title} dir="auto">
              {title}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Broken({ text, act, turn }: { text: string; act: string; turn: Turn }) {
  const { talk } = useView();
  return (
    <p class="status broken">
      <span>{text}</span>{" "}
      <button type="button" class="plain" onClick={() => talk.resume(turn.id)}>
        {act}
      </button>
    </p>
  );
}

function WayOut({ turn }: { turn: Turn }) {
  const { state, talk } = useView();
  const [nearest] = turn.sources;
  return (
    <div class="way-out">
      {nearest && <Nearest source={nearest} />}
      {!state.handoff && (
        <button type="button" class="strong" onClick={() => talk.askForPerson()}>
          {state.texts.talk}
        </button>
      )}
    </div>
  );
}
