// What a conversation consists of on the screen, and how the service's account becomes it.
import type { ConversationView, PersonMessage, Rating, Reply, Sentence, Source, TurnView } from "./wire";

export type TurnState = "unsent" | "running" | "done" | "failed" | "stopped";

export interface Turn {
  kind: "turn";
  id: string;
  turnId: string | null;
  messageId: string | null;
  wish: "person" | null;
  question: string;
  state: TurnState;
  sources: Source[];
  sentences: Sentence[];
  /** What is said in place of sentences: a question back, a hand-off's words. */
  text: string;
  outcome: Reply["outcome"] | null;
  reason: string | null;
  rating: Rating | null;
  /** Nothing has come for a while. */
  slow: boolean;
  /** Another tab asked it and is reading the reply. */
  elsewhere: boolean;
}

export interface PersonEntry extends PersonMessage {
  kind: "message";
  id: string;
}

export type NoteName = "waiting" | "taken" | "returned" | "closed" | "renewed" | "emailed";

export interface Note {
  kind: "note";
  id: string;
  note: NoteName;
  name: string | null;
  /** The entry that it stands below; null at the very top. */
  after: string | null;
}

export type Entry = Turn | PersonEntry | Note;

export function makeTurn(question: string, messageId: string, wish: "person" | null): Turn {
  return {
    kind: "turn",
    id: messageId,
    turnId: null,
    messageId,
    wish,
    question,
    state: "unsent",
    sources: [],
    sentences: [],
    text: "",
    outcome: null,
    reason: null,
    rating: null,
    slow: false,
    elsewhere: false,
  };
}

export function showReply(turn: Turn, reply: Reply): Turn {
  return {
    ...turn,
    state: "done",
    slow: false,
    sources: reply.sources,
    sentences: reply.outcome === "answered" ? reply.sentences : [],
    text: reply.text,
    outcome: reply.outcome,
    reason: reply.reason,
  };
}

/** Merges the service's account with what only this page knows: what is unsent or newer, notes. */
export function merge(view: ConversationView, known: readonly Entry[], stopped: readonly string[]): Entry[] {
  const turns = view.turns.map((turn) => ({ at: turn.created_at, entry: readTurn(turn, known, stopped) }));
  const messages = (view.messages ?? []).map((message) => ({
    at: message.created_at,
    entry: readMessage(message),
  }));
  const told = [...turns, ...messages].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const entries: Entry[] = told.map(({ entry }) => entry);
  const ids = new Set(entries.map((entry) => entry.id));
  // A conversation only grows: what the account does not have yet is newer than the account.
  for (const entry of known) if (entry.kind !== "note" && !ids.has(entry.id)) entries.push(entry);
  for (const entry of known) if (entry.kind === "note") place(entries, entry);
  return entries;
}

export const readMessage = (message: PersonMessage): PersonEntry => ({
  ...message,
  sources: message.sources ?? [],
  kind: "message",
  id: message.message_id,
});

function readTurn(view: TurnView, known: readonly Entry[], stopped: readonly string[]): Turn {
  const own = known.find((entry): entry is Turn => entry.kind === "turn" && entry.turnId === view.turn_id);
  const { turn_id: turnId, question, reply, rating } = view;
  const turn = own ?? { ...makeTurn(question, turnId, null), turnId, messageId: null };
  if (reply) return { ...showReply(turn, reply), rating: rating ?? turn.rating };
  if (own) return own;
  return { ...turn, state: stopped.includes(turnId) ? "stopped" : "running" };
}

/** Puts a note below its entry, after the notes that are there already. */
export function place(entries: Entry[], note: Note): void {
  const above = entries.findIndex((entry) => note.after !== null && anchor(entry) === note.after);
  if (note.after && above < 0) return;
  let index = above + 1;
  while (entries[index]?.kind === "note") index += 1;
  entries.splice(index, 0, note);
}

/** Returns what a note remembers its place by: an id that will be the same on the next page. */
export const anchor = (entry: Entry): string | null => (entry.kind === "turn" ? entry.turnId : entry.id);

export const isSilent = (turn: Turn): boolean => turn.state === "done" && !turn.text && !turn.sentences.length;
