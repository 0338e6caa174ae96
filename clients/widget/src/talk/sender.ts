// Sends what was written, one message after another, and reads each reply to its end, through
// whatever happens to the network and the service meanwhile.
import { makeId } from "../shared/identifier";
import type { Conversation } from "./conversation";
import { type Entry, makeTurn, type Turn } from "./entries";
import { Refused, Unreachable } from "./errors";
import type { Patience } from "./patience";
import { TurnFailed, readReply } from "./replies";
import type { Trouble } from "./state";

const FAILURES_BORNE = 3;
const TAKE_OVER_MS = 60_000;

export class Sender {
  #current: { id: string; abort: AbortController } | null = null;
  #failures = 0;

  constructor(
    private readonly conversation: Conversation,
    private readonly patience: Patience,
    private readonly onReply: () => void,
  ) {}

  ask(text: string, wish: "person" | null = null): void {
    const turn = makeTurn(text, makeId(), wish);
    this.conversation.keepUnsent(turn);
    this.#store.set({ entries: [...this.#store.state.entries, turn] });
    this.conversation.emit("asked", { text, wish });
    void this.drain();
  }

  /** Puts what an earlier page could not send back on the screen. */
  restoreUnsent(): void {
    const known = new Set(this.#turns.map((turn) => turn.messageId));
    const missing = this.conversation.unsent.filter((message) => !known.has(message.message_id));
    const turns = missing.map((m) => makeTurn(m.text, m.message_id, m.wish ?? null));
    this.#store.set({ entries: [...this.#store.state.entries, ...turns] });
  }

  /** Works until nothing is left to send or to read. */
  async drain(): Promise<void> {
    if (this.#current) return;
    for (let turn = this.#next(); turn; turn = this.#next()) {
      this.#current = { id: turn.id, abort: new AbortController() };
      this.#failures = 0;
      this.patience.reset();
      await this.#attend(turn.id, this.#current.abort.signal);
      this.#current = null;
    }
    this.conversation.noteBusy();
  }

  stop(): void {
    const turn = this.#find(this.#current?.id);
    if (!turn) return;
    this.#store.change(turn.id, { state: "stopped", slow: false });
    if (turn.turnId) this.conversation.memory.write("stopped", [...this.conversation.stopped, turn.turnId]);
    this.conversation.forgetUnsent(turn.messageId);
    this.#store.set({ trouble: null });
    this.#current?.abort.abort();
  }

  /** Drops what runs without a trace: the conversation is being put away. */
  abandon(): void {
    this.#current?.abort.abort();
  }

  /** Goes on with a turn that was stopped or that failed. */
  resume(id: string): void {
    const turn = this.#find(id);
    if (!turn) return;
    const left = this.conversation.stopped.filter((turnId) => turnId !== turn.turnId);
    this.conversation.memory.write("stopped", left);
    this.#store.change(id, { state: turn.turnId ? "running" : "unsent" });
    if (!turn.turnId) this.conversation.keepUnsent(turn);
    void this.drain();
  }

  /** Reads what another tab asked, if that tab has not brought it to an end after a minute. */
  takeOver(): void {
    for (const { id } of this.#turns.filter((turn) => turn.elsewhere)) {
      setTimeout(() => {
        this.#store.change(id, { elsewhere: false });
        void this.drain();
      }, TAKE_OVER_MS);
    }
  }

  get isSending(): boolean {
    return this.#turns.some((turn) => turn.state === "unsent");
  }

  get #store() {
    return this.conversation.store;
  }

  get #turns(): Turn[] {
    return this.#store.state.entries.filter((entry): entry is Turn => entry.kind === "turn");
  }

  #find(id: string | undefined): Turn | undefined {
    return this.#turns.find((turn) => turn.id === id);
  }

  #next(): Turn | undefined {
    return this.#turns.find((turn) => turn.state === "unsent" || (turn.state === "running" && !turn.elsewhere));
  }

  async #attend(id: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const turn = this.#find(id);
      if (!turn || (turn.state !== "unsent" && turn.state !== "running")) return;
      try {
        await this.#attempt(turn, signal);
        this.patience.reset();
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(turn, error, signal);
      }
    }
  }

  async #attempt(turn: Turn, signal: AbortSignal): Promise<void> {
    const response = await this.#request(turn, signal);
    this.#store.set({ trouble: null });
    const turnId = turn.turnId ?? response.headers.get("Turn-Id");
    this.conversation.forgetUnsent(turn.messageId);
    this.#adopt(turn.id, turnId);
    await readReply(this.#store, turn.id, response, signal);
    this.conversation.emit("replied", { turn_id: this.#find(turn.id)?.turnId, outcome: this.#find(turn.id)?.outcome });
    this.onReply();
  }

  async #request(turn: Turn, signal: AbortSignal): Promise<Response> {
    if (turn.turnId) return this.conversation.service.readTurn(turn.turnId, signal);
    await this.conversation.ensure();
    const message = { text: turn.question, message_id: turn.messageId ?? turn.id };
    return this.conversation.service.say(turn.wish ? { ...message, wish: turn.wish } : message, signal);
  }

  /** Gives a turn the service's id; the same turn may have come in by another way meanwhile. */
  #adopt(id: string, turnId: string | null): void {
    const isDouble = (entry: Entry): boolean =>
      entry.kind === "turn" && turnId !== null && entry.turnId === turnId && entry.id !== id;
    this.#store.set({ entries: this.#store.state.entries.filter((entry) => !isDouble(entry)) });
    this.#store.change(id, { turnId, state: "running" });
    this.conversation.noteBusy();
  }

  async #recover(turn: Turn, error: unknown, signal: AbortSignal): Promise<void> {
    this.#store.change(turn.id, { slow: false });
    if (error instanceof Unreachable) return this.#wait(undefined, "unreachable", signal);
    const problem = error instanceof Refused || error instanceof TurnFailed ? error.problem : null;
    if (!problem) {
      reportError(error); // a mistake of ours: the page's console has it, the customer a way on
      return this.#giveUp(turn, 0);
    }
    if (error instanceof Refused && error.isGone) return this.conversation.renew();
    if (problem.status === 409) return this.#rename(turn);
    if (error instanceof Refused && error.isPassing)
      return this.#wait(problem.retry_after_s, error.isLimited ? "limited" : "starting", signal);
    this.#failures += 1;
    const again = error instanceof TurnFailed || problem.status >= 500;
    if (again && this.#failures < FAILURES_BORNE) return this.patience.wait(this.patience.next(problem.retry_after_s), signal);
    this.#giveUp(turn, problem.status);
  }

  async #wait(afterS: number | undefined, kind: Trouble["kind"], signal: AbortSignal): Promise<void> {
    const pause = this.patience.next(afterS);
    const shown = kind === "unreachable" && !navigator.onLine ? "offline" : kind;
    this.#store.set({ trouble: { kind: shown, until: Date.now() + pause } });
    await this.patience.wait(pause, signal);
  }

  #rename(turn: Turn): void {
    this.conversation.forgetUnsent(turn.messageId);
    const messageId = makeId();
    this.#store.change(turn.id, { messageId });
    this.conversation.keepUnsent({ ...turn, messageId });
  }

  #giveUp(turn: Turn, status: number): void {
    this.conversation.forgetUnsent(turn.messageId);
    const tooMuch = status === 413 || status === 422;
    this.#store.change(turn.id, { state: "failed", reason: tooMuch ? "too_long" : "failed" });
    const { texts, draft } = this.#store.state;
    if (tooMuch && !draft) {
      this.#store.set({ draft: turn.question });
      this.conversation.memory.write("draft", turn.question);
    }
    this.#store.announce(tooMuch ? texts.tooLong : texts.failed);
    this.conversation.emit("failed", { status });
  }
}
