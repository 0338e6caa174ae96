// What the views may do, and what happens by itself: the one front door to a conversation.
import type { Emit, Look } from "../shared/stage";
import type { Memory } from "../shared/memory";
import { Conversation } from "./conversation";
import { isSilent, type Note, type Turn } from "./entries";
import { Refused } from "./errors";
import { Follower } from "./follower";
import { Patience } from "./patience";
import { Sender } from "./sender";
import { Service } from "./service";
import type { Store } from "./state";
import type { Source } from "./wire";

const TYPING_EVERY_MS = 3000;

export interface Given {
  base: string;
  key: string | null;
  memory: Memory;
  emit: Emit;
  store: Store;
}

export class Talk {
  readonly store: Store;
  readonly #memory: Memory;
  readonly #emit: Emit;
  readonly #conversation: Conversation;
  readonly #sender: Sender;
  readonly #follower: Follower;
  readonly #waits = [new Patience(), new Patience(), new Patience()] as const;
  #typed = 0;

  constructor({ base, key, memory, emit, store }: Given) {
    this.store = store;
    this.#memory = memory;
    this.#emit = emit;
    const service = new Service(base);
    this.#conversation = new Conversation(store, memory, service, emit, key);
    const [sending, following] = this.#waits;
    this.#sender = new Sender(this.#conversation, sending, () => void this.#settle());
    this.#follower = new Follower(this.#conversation, following, () => this.#goOn());
    addEventListener("offline", () => this.store.set({ trouble: { kind: "offline", until: null } }));
    addEventListener("online", () => this.store.state.trouble?.kind === "offline" && this.store.set({ trouble: null }));
    memory.watch("conversation", () => this.#adopt());
  }

  /** Shows what earlier pages left, and goes on with it. */
  async restore(): Promise<void> {
    const notes = this.#memory.read<Note[]>("notes") ?? [];
    this.store.set({ loading: Boolean(this.#conversation.kept), entries: notes });
    await this.#read();
    this.store.set({ loading: false });
    this.#sender.restoreUnsent();
    this.#follower.update();
    void this.#sender.drain();
  }

  setOpen(open: boolean): void {
    if (open === this.store.state.open) return;
    this.store.set({ open });
    this.#memory.write("open", open);
    this.#follower.update();
    this.#emit(open ? "open" : "close");
    const waiting = this.store.state.handoff?.state === "waiting";
    if (open && waiting) void this.#conversation.refresh().catch(() => {});
  }

  ask(text: string, wish: "person" | null = null): void {
    if (!text.trim()) return;
    this.setDraft("");
    this.#sender.ask(text.trim(), wish);
  }

  askForPerson(): void {
    this.ask(this.store.state.texts.wish, "person");
  }

  stop(): void {
    this.#sender.stop();
  }

  resume(id: string): void {
    this.#sender.resume(id);
  }

  tryNow(): void {
    for (const wait of this.#waits) wait.hurry();
  }

  setDraft(draft: string): void {
    this.store.set({ draft });
    this.#memory.write("draft", draft || null);
    if (draft && this.store.state.handoff) this.#showTyping();
  }

  async rate(turn: Turn, helpful: boolean, comment: string | null): Promise<void> {
    if (!turn.turnId) return;
    const before = turn.rating;
    this.store.change(turn.id, { rating: { helpful, comment } });
    try {
      await this.#conversation.service.rate(turn.turnId, helpful, comment);
      this.store.announce(this.store.state.texts.thanks);
      this.#emit("rated", { turn_id: turn.turnId, helpful });
    } catch {
      this.store.change(turn.id, { rating: before });
      this.store.announce(this.store.state.texts.failed);
    }
  }

  /** Returns whether the address was taken. */
  async leaveEmail(email: string): Promise<boolean> {
    try {
      await this.#conversation.service.leaveEmail(email);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.problem.status === 422) return false;
      await this.#conversation.refresh(); // somebody has come meanwhile
      return true;
    }
    const { handoff, texts } = this.store.state;
    if (handoff) this.#conversation.setHandoff({ ...handoff, emailed: true });
    this.store.set({ leavingEmail: false });
    this.store.announce(texts.emailed);
    this.#emit("emailed");
    return true;
  }

  showPassage(source: Source | null, sentence: string | null = null): void {
    this.store.set({ passage: source && { source, sentence } });
  }

  show(change: { clearing?: boolean; leavingEmail?: boolean; look?: Look }): void {
    this.store.set(change);
  }

  clear(): void {
    this.#sender.abandon();
    this.#follower.stop();
    this.#conversation.forget();
    this.store.set({ clearing: false, trouble: null });
    this.store.announce(this.store.state.texts.cleared);
    this.#emit("cleared");
  }

  reset(): void {
    this.clear();
    this.setDraft("");
    void this.#conversation.setUser(null);
    this.#memory.forget("visitor");
    this.#emit("reset");
  }

  setUser(token: string): void {
    const before = this.#conversation.kept;
    // What fails here for want of a network is done before the next message goes out.
    const known = this.#conversation.setUser(token).catch(() => {});
    void known.then(() => {
      if (!before || this.#conversation.kept) return;
      this.#sender.abandon();
      this.#follower.stop();
    });
  }

  /** Counts what came while nobody was looking. */
  countUnread(): number {
    const come = this.store.state.entries.filter(
      (entry) => entry.kind === "message" || (entry.kind === "turn" && entry.state === "done" && !isSilent(entry)),
    ).length;
    if (this.store.state.loading) return this.#memory.read<number>("unread") ?? 0;
    if (this.store.state.open) this.#memory.write("seen", come);
    const unread = Math.max(0, come - (this.#memory.read<number>("seen") ?? 0));
    this.#memory.write("unread", unread);
    return unread;
  }

  async #read(): Promise<void> {
    const [, , reading] = this.#waits;
    while (this.#conversation.kept) {
      try {
        await this.#conversation.refresh();
        this.store.set({ trouble: null });
        return;
      } catch (error) {
        if (error instanceof Refused && error.isGone) return this.#conversation.renew();
        const pause = reading.next(error instanceof Refused ? error.problem.retry_after_s : undefined);
        const kind = navigator.onLine ? "unreachable" : "offline";
        this.store.set({ trouble: { kind, until: Date.now() + pause } });
        await reading.wait(pause);
      }
    }
  }

  /** After a reply: a hand-off may have begun, and somebody may write now. */
  async #settle(): Promise<void> {
    const last = this.store.state.entries.filter((entry): entry is Turn => entry.kind === "turn").at(-1);
    const handedOff = last?.outcome === "handed_off";
    if (handedOff) await this.#conversation.refresh().catch(() => {});
    if (handedOff && !isSilent(last)) this.#emit("handed_off", { reason: last.reason });
    this.#follower.update();
  }

  #goOn(): void {
    this.#sender.takeOver();
    void this.#sender.drain();
  }

  /** Another tab has begun or put away a conversation: this one goes along. */
  #adopt(): void {
    if (this.#sender.isSending) return;
    this.#sender.abandon();
    this.#follower.stop();
    this.store.set({ entries: [], handoff: null, passage: null });
    void this.restore();
  }

  #showTyping(): void {
    if (Date.now() - this.#typed < TYPING_EVERY_MS) return;
    this.#typed = Date.now();
    void this.#conversation.service.showTyping().catch(() => {});
  }
}
