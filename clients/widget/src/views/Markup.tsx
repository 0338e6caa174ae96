// A tree of Markdown drawn as text: no image is fetched, and a link is one only where it may be.
import type { Nodes, Table } from "mdast";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { type Allow, splitLinks } from "./links";
import { hasChildren, parseBlocks, parseSentence, readText } from "./tree";
import { findSupport, type Marks, type Span } from "./support";
import { useView } from "./view";

interface Place {
  allow: Allow;
  marks: Marks;
  spans: Span[];
  at: number;
}

export function Passage({ text, sentence }: { text: string; sentence: string | null }) {
  const { state, allow } = useView();
  return useMemo(() => {
    const root = parseBlocks(text);
    const marks = findSupport(root, sentence, state.locale);
    return <div class="passage-text">{drawAll(root.children, { allow, marks, spans: [], at: 0 })}</div>;
  }, [text, sentence, state.locale]);
}

export function Line({ text }: { text: string }) {
  const { allow } = useView();
  return useMemo(() => {
    const [paragraph] = parseSentence(text).children;
    if (!paragraph || !hasChildren(paragraph)) return <>{text}</>;
    return <>{drawAll(paragraph.children, { allow, marks: new Map(), spans: [], at: 0 })}</>;
  }, [text]);
}

/** What a customer or a person wrote: as it was written, but for links. */
export function Plain({ text }: { text: string }) {
  const { allow } = useView();
  return <>{drawLinks(text, allow)}</>;
}

const drawAll = (nodes: readonly Nodes[], place: Place): ComponentChildren[] =>
  nodes.map((node) => draw(node, place));

function draw(node: Nodes, place: Place): ComponentChildren {
  const spans = place.marks.get(node);
  const inside = spans ? Object.assign(place, { spans, at: 0 }) : place;
  const drawn = drawNode(node, inside);
  if (spans) Object.assign(place, { spans: [], at: 0 });
  return drawn;
}

function drawNode(node: Nodes, place: Place): ComponentChildren {
  switch (node.type) {
    case "text":
      return drawText(node.value, place);
    case "inlineCode":
      return <code>{drawText(node.value, place)}</code>;
    case "code":
      return <pre>{drawText(node.value, place)}</pre>;
    case "image":
    case "html":
      return drawText(readText(node), place);
    case "break":
      place.at += 1;
      return <br />;
    case "link":
      return drawLink(node.url, drawAll(node.children, place), place.allow);
    case "thematicBreak":
      return <hr />;
    case "table":
      return drawTable(node, place);
    default:
      return hasChildren(node) ? drawParent(node, place) : null;
  }
}

function drawParent(node: Extract<Nodes, { children: unknown[] }>, place: Place): ComponentChildren {
  const children = drawAll(node.children, place);
  switch (node.type) {
    case "paragraph":
      return <p>{children}</p>;
    case "heading":
      return <p class="heading">{children}</p>;
    case "strong":
      return <strong>{children}</strong>;
    case "emphasis":
      return <em>{children}</em>;
    case "blockquote":
      return <blockquote>{children}</blockquote>;
    case "list":
      return node.ordered ? <ol start={node.start ?? 1}>{children}</ol> : <ul>{children}</ul>;
    case "listItem":
      return <li>{children}</li>;
    default:
      return <>{children}</>;
  }
}

function drawTable(table: Table, place: Place): ComponentChildren {
  const rows = table.children.map((row, index) => {
    const spans = place.marks.get(row);
    const cells = row.children.map((cell) => {
      const inside = { ...place, spans: spans ? [[0, Infinity] as Span] : [], at: 0 };
      const children = drawAll(cell.children, inside);
      return index ? <td>{children}</td> : <th scope="col">{children}</th>;
    });
    return <tr class={spans ? "cited" : undefined}>{cells}</tr>;
  });
  return <TableBox head={rows[0]} body={rows.slice(1)} />;
}

function TableBox({ head, body }: { head: ComponentChildren; body: ComponentChildren }) {
  const { state } = useView();
  return (
    <div class="table" role="group" aria-label={state.texts.table} tabIndex={0}>
      <table>
        <thead>{head}</thead>
        <tbody>{body}</tbody>
      </table>
    </div>
  );
}

function drawText(text: string, place: Place): ComponentChildren[] {
  const start = place.at;
  place.at += text.length;
  const edges = place.spans.flat().map((edge) => Math.min(Math.max(edge - start, 0), text.length));
  const cuts = [...new Set([0, ...edges, text.length])].sort((a, b) => a - b);
  return cuts.slice(1).map((end, index) => {
    const from = cuts[index] ?? 0;
    const piece = drawLinks(text.slice(from, end), place.allow);
    const cited = place.spans.some(([first, last]) => start + from >= first && start + end <= last);
    return cited ? <mark>{piece}</mark> : <>{piece}</>;
  });
}

const drawLinks = (text: string, allow: Allow): ComponentChildren[] =>
  splitLinks(text, allow).map(({ text: piece, href }) => (href ? drawLink(href, piece, allow) : piece));

function drawLink(address: string, children: ComponentChildren, allow: Allow): ComponentChildren {
  const href = allow(address);
  if (!href) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
