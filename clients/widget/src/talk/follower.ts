// Follows a conversation live: what a person at the desk does, and what other tabs do.
import type { Conversation } from "./conversation";
import { readMessage, type Turn } from "./entries";
import { Refused } from "./errors";
import { type Frame, readFrames } from "./frames";
import type { Patience } from "./patience";
import type { PersonMessage } from "./wire";

const TYPING_MS = 6000;
const ATTENDANCE_MS = 60_000;

export class Follower {
  #abort: AbortController | null = null;
  #typing = 0;

  constructor(
    private readonly conversation: Conversation,
    private readonly patience: Patience,
    private readonly onTurns: () => void,
  ) {
    document.addEventListener("visibilitychange", () => this.update());
    setInterval(() => void this.#readAttendance(), ATTENDANCE_MS);
  }

  /** Begins or ends, by whether anybody would see it: browsers allow few open connections. */
  update(): void {
    const { open, handoff } = this.#state;
    const wanted = Boolean(this.conversation.kept) && (handoff !== null || (open && !document.hidden));
    if (!wanted) this.stop();
    else if (!this.#abort) void this.#run((this.#abort = new AbortController()));
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  get #state() {
    return this.conversation.store.state;
  }

  async #run(own: AbortController): Promise<void> {
    while (!own.signal.aborted) {
      try {
        const after = this.conversation.memory.read<number>("after") ?? 0;
        const response = await this.conversation.service.follow(after, own.signal);
        this.patience.reset();
        this.#clearTrouble();
        for await (const frame of readFrames(response, own.signal)) await this.#take(frame);
      } catch (error) {
        if (own.signal.aborted) return;
        if (error instanceof Refused && error.isGone) return this.#leave(error);
        this.#showTrouble();
      }
      if (!own.signal.aborted) await this.patience.wait(this.patience.next(), own.signal);
    }
  }

  async #take({ id, event, data }: Frame): Promise<void> {
    const said = data as Record<string, string>;
    if (event === "typing") return this.#showTyping(said);
    if (id) this.conversation.memory.write("after", Number(id));
    if (event === "message") this.#addMessage(data as PersonMessage);
    else if (event === "taken") this.#welcome(said["name"] ?? "");
    else if (event === "returned" || event === "closed") this.#end(event);
    else if (event === "asked" || event === "replied") await this.#catchUp(said["turn_id"] ?? "", event);
    else if (event === "waiting" || event === "emailed" || event === "rated") await this.conversation.refresh(true);
  }

  #welcome(name: string): void {
    const begun = this.#state.handoff ?? { reason: "", emailed: false };
    this.conversation.setHandoff({ ...begun, state: "taken", name, attended: true });
  }

  #end(event: "returned" | "closed"): void {
    this.conversation.setHandoff(null, event);
    this.update();
  }

  #addMessage(message: PersonMessage): void {
    const { entries, texts } = this.#state;
    this.conversation.store.set({ typing: null });
    if (entries.some((entry) => entry.id === message.message_id)) return;
    const dated = { ...message, created_at: message.created_at ?? new Date().toISOString() };
    this.conversation.store.set({ entries: [...entries, readMessage(dated)] });
    this.conversation.store.announce(`${message.name || texts.person}: ${message.text}`);
    this.conversation.emit("message", { name: message.name, text: message.text });
  }

  #showTyping(said: Record<string, string>): void {
    if (said["who"] !== "person") return;
    this.conversation.store.set({ typing: said["name"] || this.#state.texts.person });
    clearTimeout(this.#typing);
    this.#typing = window.setTimeout(() => this.conversation.store.set({ typing: null }), TYPING_MS);
  }

  async #catchUp(turnId: string, event: string): Promise<void> {
    const turns = this.#state.entries.filter((entry): entry is Turn => entry.kind === "turn");
    const own = turns.find((turn) => turn.turnId === turnId);
    const sending = turns.some((turn) => turn.state === "unsent");
    const settled = own && (event === "asked" || !own.elsewhere);
    if (settled || (!own && sending)) return;
    await this.conversation.refresh(true);
    this.onTurns();
  }

  async #readAttendance(): Promise<void> {
    const waiting = this.#state.handoff?.state === "waiting";
    if (waiting && this.#state.open && !document.hidden) await this.conversation.refresh(true).catch(() => {});
  }

  #showTrouble(): void {
    if (this.#state.open && !this.#state.trouble)
      this.conversation.store.set({ trouble: { kind: navigator.onLine ? "unreachable" : "offline", until: null } });
  }

  #clearTrouble(): void {
    const { trouble } = this.#state;
    if (trouble?.until === null) this.conversation.store.set({ trouble: null });
  }

  #leave(error: Refused): void {
    this.#abort = null;
    if (error.problem.status === 401 || error.problem.type?.includes("conversation-not-found"))
      this.conversation.renew();
    this.onTurns();
  }
}
