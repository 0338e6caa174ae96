// Which part of a passage a sentence rests on: the one that shares most of its words.
import type { Nodes, Root } from "mdast";
import { hasChildren, readText } from "./tree";

export type Span = [start: number, end: number];
export type Marks = Map<Nodes, Span[]>;

const LEAVES = new Set(["paragraph", "heading", "tableRow", "code"]);
const ENOUGH = 0.3;
const AS_GOOD = 0.9;

export function findSupport(root: Root, sentence: string | null, locale: string): Marks {
  const marks: Marks = new Map();
  const wanted = readWords(sentence ?? "", locale);
  if (!wanted.size) return marks;
  const parts = findLeaves(root).flatMap((leaf) => splitLeaf(leaf, locale));
  const scored = parts.map((part) => ({ ...part, score: compare(wanted, readWords(part.text, locale)) }));
  const best = Math.max(0, ...scored.map(({ score }) => score));
  if (best < ENOUGH) return marks;
  for (const { leaf, span, score } of scored)
    if (score >= best * AS_GOOD) marks.set(leaf, [...(marks.get(leaf) ?? []), span]);
  return marks;
}

const findLeaves = (node: Nodes): Nodes[] => {
  if (LEAVES.has(node.type)) return [node];
  return hasChildren(node) ? node.children.flatMap(findLeaves) : [];
};

function splitLeaf(leaf: Nodes, locale: string): { leaf: Nodes; text: string; span: Span }[] {
  const text = readText(leaf);
  if (leaf.type === "tableRow") return [{ leaf, text, span: [0, text.length] }];
  const pieces = [...new Intl.Segmenter(locale, { granularity: "sentence" }).segment(text)];
  return pieces.map(({ segment, index }) => ({
    leaf,
    text: segment,
    span: [index, index + segment.trimEnd().length],
  }));
}

function readWords(text: string, locale: string): Set<string> {
  const pieces = new Intl.Segmenter(locale, { granularity: "word" }).segment(text.toLowerCase());
  const words = [...pieces].filter(({ isWordLike }) => isWordLike).map(({ segment }) => segment);
  // «refund», «refunds» and «refunded» are one word here.
  return new Set(words.map((word) => word.slice(0, 6)));
}

function compare(wanted: Set<string>, words: Set<string>): number {
  const shared = [...words].filter((word) => wanted.has(word)).length;
  return shared / Math.sqrt(wanted.size * words.size || 1);
}
