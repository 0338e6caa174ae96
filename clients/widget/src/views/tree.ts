// Markdown into a tree. Nothing in it is ever HTML: what looks like a tag is text.
import type { Nodes, Parents, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";

const NO_HTML = { disable: { null: ["htmlFlow", "htmlText"] } };
// A sentence is one line of talk: «1.» at its beginning is a number, not a list.
const BLOCKS = ["blockQuote", "codeFenced", "codeIndented", "definition", "headingAtx", "list", "setextUnderline", "thematicBreak"];
const NO_BLOCKS = { disable: { null: BLOCKS } };

export const parseBlocks = (text: string): Root =>
  fromMarkdown(text, {
    extensions: [gfmTable(), NO_HTML],
    mdastExtensions: [gfmTableFromMarkdown()],
  });

export const parseSentence = (text: string): Root =>
  fromMarkdown(text, { extensions: [NO_HTML, NO_BLOCKS] });

export const hasChildren = (node: Nodes): node is Parents => "children" in node;

/** Returns what is read of a node, in the order that it is drawn in. */
export function readText(node: Nodes): string {
  if (node.type === "image") return node.alt ?? "";
  if (node.type === "break") return "\n";
  if ("value" in node) return node.value;
  const gap = node.type === "tableRow" ? " " : "";
  return hasChildren(node) ? node.children.map(readText).join(gap) : "";
}
