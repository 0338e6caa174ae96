// One reply as it comes: sources, then sentences as they are verified, then the end.
import { showReply, type Turn } from "./entries";
import { Unreachable } from "./errors";
import { type Frame, readFrames } from "./frames";
import type { Store } from "./state";
import type { Problem, Reply, Sentence, Source } from "./wire";

const SLOW_MS = 8000;

/** The service could not bring the reply to its end; the turn is kept there, and pending. */
export class TurnFailed extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? "");
  }
}

export async function readReply(
  store: Store,
  id: string,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  let slow = startSlow(store, id);
  try {
    for await (const frame of readFrames(response, signal)) {
      clearTimeout(slow);
      if (take(store, id, frame)) return;
      slow = startSlow(store, id);
    }
  } finally {
    clearTimeout(slow);
  }
  throw new Unreachable();
}

function startSlow(store: Store, id: string): number {
  return window.setTimeout(() => store.change(id, { slow: true }), SLOW_MS);
}

/** Returns whether it was the last. */
function take(store: Store, id: string, { event, data }: Frame): boolean {
  const turn = store.state.entries.find((entry): entry is Turn => entry.kind === "turn" && entry.id === id);
  if (!turn) return true;
  const said = data as Record<string, unknown>;
  switch (event) {
    case "sources": // what came of an earlier attempt is said again from here on
      store.change(id, { sources: said["sources"] as Source[], sentences: [], text: "", slow: false });
      return false;
    case "sentence":
      store.change(id, { sentences: [...turn.sentences, said["sentence"] as Sentence], slow: false });
      return false;
    case "clarification":
      store.change(id, { text: String(said["question"]), outcome: "clarified", slow: false });
      return false;
    case "handed_off":
      store.change(id, { text: String(said["text"] ?? ""), outcome: "handed_off", slow: false });
      return false;
    case "done":
      finish(store, turn, said["reply"] as Reply, String(said["turn_id"]));
      return true;
    case "error":
      throw new TurnFailed(said as unknown as Problem);
    default:
      return false;
  }
}

function finish(store: Store, turn: Turn, reply: Reply, turnId: string): void {
  store.change(turn.id, { ...showReply(turn, reply), turnId });
  if (reply.text) store.announce(`${store.state.texts.announced} ${reply.text}`);
}
