// All that is shown, in one object that is replaced and never changed.
import type { Texts } from "../texts/en";
import type { Locale } from "../shared/locale";
import type { Look } from "../shared/stage";
import type { Entry } from "./entries";
import type { Handoff, Source } from "./wire";

export type Trouble =
  | { kind: "offline" | "unreachable" | "starting"; until: number | null }
  | { kind: "limited"; until: number };

export interface OpenPassage {
  source: Source;
  sentence: string | null;
}

export interface State {
  open: boolean;
  loading: boolean;
  entries: Entry[];
  handoff: Handoff | null;
  trouble: Trouble | null;
  /** Who is typing at the desk. */
  typing: string | null;
  passage: OpenPassage | null;
  clearing: boolean;
  leavingEmail: boolean;
  draft: string;
  /** For screen readers, once for each thing that happened. */
  announcement: string;
  look: Look;
  locale: Locale;
  texts: Texts;
}

export class Store {
  readonly #listeners = new Set<() => void>();

  constructor(public state: State) {}

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }

  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Replaces the entry of that id, if it is still there. */
  change(id: string, change: Partial<Entry>): void {
    const entries = this.state.entries.map((entry) =>
      entry.id === id ? ({ ...entry, ...change } as Entry) : entry,
    );
    this.set({ entries });
  }

  /** Has screen readers say it, even if it is what they said last. */
  announce(text: string): void {
    const again = this.state.announcement === text ? `${text}\u00a0` : text;
    this.set({ announcement: again });
  }
}
