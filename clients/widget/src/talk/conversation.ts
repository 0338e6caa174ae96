// One conversation: who owns it, what the service says of it, and what becomes of it when it ends.
import { makeId } from "../shared/identifier";
import type { Memory } from "../shared/memory";
import type { Emit } from "../shared/stage";
import { anchor, type Entry, merge, type NoteName, place, type Turn } from "./entries";
import { Refused } from "./errors";
import type { Service } from "./service";
import type { Store } from "./state";
import type { Handoff, NewMessage, Started } from "./wire";

type Kept = Started & { user: string | null };
const NOTES_KEPT = 20;

export class Conversation {
  #user: string | null = null;
  #starting: Promise<void> | null = null;

  constructor(
    readonly store: Store,
    readonly memory: Memory,
    readonly service: Service,
    readonly emit: Emit,
    private readonly key: string | null,
  ) {
    this.service.own(this.kept);
  }

  get kept(): Kept | null {
    return this.memory.read<Kept>("conversation");
  }

  get unsent(): NewMessage[] {
    return this.memory.read<NewMessage[]>("unsent") ?? [];
  }

  get stopped(): string[] {
    return this.memory.read<string[]>("stopped") ?? [];
  }

  /** Starts one if there is none; the second of two that ask at once waits for the first. */
  async ensure(): Promise<void> {
    await this.#tie();
    if (this.kept) return this.service.own(this.kept);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** Reads the service's account; what only this page knows stays. `elsewhere`: another tab asks. */
  async refresh(elsewhere = false): Promise<void> {
    const id = this.kept?.conversation_id;
    if (!id) return;
    const view = await this.service.read();
    if (this.kept?.conversation_id !== id) return;
    const known = this.store.state.entries;
    const entries = merge(view, known, this.stopped).map((entry) => {
      const fresh = entry.kind === "turn" && entry.state === "running" && !known.some((k) => k.id === entry.id);
      return fresh && elsewhere ? { ...entry, elsewhere } : entry;
    });
    this.store.set({ entries });
    const after = this.memory.read<number>("after") ?? 0;
    const latest = view.latest ?? 0;
    if (latest < after) return; // something newer has been heard of live meanwhile
    this.memory.write("after", latest);
    this.setHandoff(view.handoff ?? null);
  }

  /** Says what has changed, whichever way it came to be known. */
  setHandoff(handoff: Handoff | null, end: "returned" | "closed" = "returned"): void {
    const { handoff: before, loading } = this.store.state;
    this.store.set({ handoff, ...(handoff ? {} : { typing: null, leavingEmail: false }) });
    this.noteBusy();
    if (loading) return;
    const joined = handoff?.state === "taken" && before?.state !== "taken";
    if (joined) this.#tell("taken", handoff.name);
    else if (before && !handoff) this.#tell(end, before.name);
  }

  #tell(note: "taken" | "returned" | "closed", name: string | null): void {
    const { texts } = this.store.state;
    this.addNote(note, name);
    this.store.announce(texts.notes[note].replace("{name}", name ?? texts.person));
    this.emit(note, { name });
  }

  /** Tells the loader of the next page whether something is going on. */
  noteBusy(): void {
    const running = this.store.state.entries.some((e) => e.kind === "turn" && e.state === "running");
    this.memory.write("busy", running || this.store.state.handoff !== null);
  }

  keepUnsent(turn: Turn): void {
    const { messageId, question, wish } = turn;
    if (!messageId) return;
    const message: NewMessage = { text: question, message_id: messageId, ...(wish ? { wish } : {}) };
    this.memory.write("unsent", [...this.unsent.filter((m) => m.message_id !== messageId), message]);
  }

  forgetUnsent(messageId: string | null): void {
    this.memory.write("unsent", this.unsent.filter((message) => message.message_id !== messageId));
  }

  addNote(note: NoteName, name: string | null = null): void {
    const entries = [...this.store.state.entries];
    const after = entries.map(anchor).filter(Boolean).at(-1) ?? null;
    place(entries, { kind: "note", id: makeId(), note, name, after });
    this.store.set({ entries });
    const notes = entries.filter((entry) => entry.kind === "note");
    this.memory.write("notes", notes.slice(-NOTES_KEPT));
  }

  /** Begins anew because the old one is gone; what was not answered yet is asked again there. */
  renew(): void {
    const open = this.store.state.entries.filter(isOpen).map(makeUnsent);
    this.forget();
    this.addNote("renewed");
    for (const turn of open) this.keepUnsent(turn);
    this.store.set({ entries: [...this.store.state.entries, ...open] });
    this.store.announce(this.store.state.texts.notes.renewed);
    this.emit("renewed");
  }

  /** Leaves nothing of the conversation in this browser. */
  forget(): void {
    this.memory.forget("conversation", "unsent", "stopped", "notes", "after", "busy", "seen", "unread");
    this.service.own(null);
    this.store.set({ entries: [], handoff: null, typing: null, passage: null, leavingEmail: false });
  }

  /** Takes the site's signed word for who this is; another person's conversation is put away. */
  async setUser(token: string | null): Promise<void> {
    this.#user = token;
    const known = this.kept?.user;
    if (known && known !== readSubject(token)) this.forget();
    await this.#tie();
  }

  /** Has an anonymous conversation go on under the name of who has logged in meanwhile. */
  async #tie(): Promise<void> {
    const kept = this.kept;
    if (!kept || kept.user !== null || !this.#user) return;
    try {
      await this.service.tie(this.#user);
      this.memory.write("conversation", { ...kept, user: readSubject(this.#user) });
    } catch (error) {
      if (!(error instanceof Refused) || error.isPassing) throw error;
      if (error.problem.status === 409) return this.forget();
      this.#refuseUser(error);
    }
  }

  #refuseUser(error: Refused): void {
    this.#user = null;
    this.emit("user_refused", { detail: error.problem.detail });
  }

  #identify(): string {
    const kept = this.memory.read<string>("visitor") ?? makeId();
    this.memory.write("visitor", kept);
    return kept;
  }

  async #start(): Promise<void> {
    const visitor = this.#identify();
    const wanted = { key: this.key, user_token: this.#user, visitor, locale: this.store.state.locale };
    try {
      const started = await this.service.start(wanted);
      const user = readSubject(this.#user);
      this.memory.write("conversation", { ...started, user });
      this.service.own(started);
    } catch (error) {
      if (!(error instanceof Refused) || error.isPassing) throw error;
      if (!this.#user) throw new Refused({ ...error.problem, status: 403 });
      this.#refuseUser(error);
      await this.#start();
    }
  }
}

const isOpen = (entry: Entry): entry is Turn =>
  entry.kind === "turn" && (entry.state === "unsent" || entry.state === "running") && !entry.elsewhere;

const makeUnsent = (turn: Turn): Turn => {
  const messageId = turn.messageId ?? makeId();
  return { ...turn, messageId, turnId: null, state: "unsent", sources: [], sentences: [] };
};

/** Reads whom a token is about. The service checks it; here it only tells one person from another. */
function readSubject(token: string | null): string | null {
  try {
    const claims = (token ?? "").split(".")[1]?.replace(/-/g, "+").replace(/_/g, "/") ?? "";
    return (JSON.parse(atob(claims)) as { sub?: string }).sub ?? null;
  } catch {
    return null;
  }
}
