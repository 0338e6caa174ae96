// window.Frontdesk: what a page may call, before the application is there and after.
import type { Application } from "../shared/stage";

type Call = [name: string, ...rest: unknown[]];
type Listener = (detail: unknown) => void;
export type Name = keyof Application | "setLook";

const NAMES: readonly Name[] = ["open", "close", "toggle", "setUser", "reset", "setLocale", "setLook"];

export class Events {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Returns what takes the listener off again. */
  on(event: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit(event: string, detail?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        listener(detail);
      } catch (error) {
        // A page's mistake is the page's: it is reported there and stops nothing here.
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}

/** Makes window.Frontdesk and runs what was queued; false where another script has done so. */
export function takeCalls(events: Events, act: (name: Name, argument: unknown) => void): boolean {
  const page = window as unknown as { Frontdesk?: { q?: Call[]; version?: string } & Call[] };
  const before = page.Frontdesk;
  if (before?.version) return false;
  const queued: Call[] = before?.q ?? (Array.isArray(before) ? before : []);
  const call = (item: Call): void => {
    const [name, first, second] = item;
    if (name === "on") events.on(String(first), second as Listener);
    else if (NAMES.includes(name as Name)) act(name as Name, first);
  };
  const named = NAMES.map((name) => [name, (argument?: unknown) => act(name, argument)]);
  page.Frontdesk = {
    ...Object.fromEntries(named),
    on: events.on.bind(events),
    push: (...items: Call[]) => items.forEach(call),
    version: VERSION,
  } as never;
  queued.forEach((item) => call([...item] as Call));
  return true;
}
