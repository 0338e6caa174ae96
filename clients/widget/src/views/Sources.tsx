import type { Turn } from "../talk/entries";
import type { Source } from "../talk/wire";
import { Icon } from "./Icon";
import { fill, useView } from "./view";

interface CiteProps {
  source: Source;
  number: number;
  sentence: string | null;
  long?: boolean;
}

/** A number, or with `long` a line, that opens the passage. */
export function Cite({ source, number, sentence, long = false }: CiteProps) {
  const { state, talk } = useView();
  const path = readPath(source);
  const label = fill(state.texts.source, { number, title: path });
  return (
    <button
      type="button"
      class={long ? "source" : "cite"}
      aria-label={long ? undefined : label}
      title={long ? undefined : path}
      onClick={() => talk.showPassage(source, sentence)}
    >
      <span class="number">{number}</span>
      {long && <span dir="auto">{path}</span>}
    </button>
  );
}

/** The passages that sentences rest on; all that were found where no sentence names one. */
export function SourceList({ turn }: { turn: Turn }) {
  const { state } = useView();
  const cited = new Set(turn.sentences.flatMap((sentence) => sentence.citations));
  const shown = turn.sources.map((source, index) => ({ source, number: index + 1 }));
  const kept = shown.filter(({ source }) => cited.has(source.passage_id));
  if (!kept.length) return null;
  const find = (id: string): string | null =>
    turn.sentences.find((sentence) => sentence.citations.includes(id))?.text ?? null;
  return (
    <ul class="sources" aria-label={state.texts.sources}>
      {kept.map(({ source, number }) => (
        <li key={source.passage_id}>
          <Cite source={source} number={number} sentence={find(source.passage_id)} long />
        </li>
      ))}
    </ul>
  );
}

/** What stands nearest to a question that no article answers. */
export function Nearest({ source }: { source: Source }) {
  const { state, talk } = useView();
  return (
    <button type="button" class="nearest" onClick={() => talk.showPassage(source)}>
      <Icon name="article" />
      <span>
        <span class="faint">{state.texts.nearest}</span>
        <span class="name" dir="auto">
          {readPath(source)}
        </span>
      </span>
    </button>
  );
}

export const readPath = (source: Source): string =>
  [source.title, ...source.heading_path.filter((heading) => heading !== source.title)].join(" › ");
