// What outlives a page, by the site's key. Where the browser keeps nothing (a private window,
// storage switched off or full), this page remembers it.

export class Memory {
  readonly #prefix: string;
  readonly #page = new Map<string, string>();

  constructor(key: string | null) {
    this.#prefix = `frontdesk:${key ?? ""}:`;
  }

  read<T>(name: string): T | null {
    const text = this.#page.get(name) ?? this.#load(name);
    try {
      return text ? (JSON.parse(text) as T) : null;
    } catch {
      return null; // not ours, or cut short
    }
  }

  write(name: string, value: unknown): void {
    const text = JSON.stringify(value ?? null);
    this.#page.delete(name);
    try {
      localStorage.setItem(this.#prefix + name, text);
    } catch {
      this.#page.set(name, text);
    }
  }

  forget(...names: string[]): void {
    for (const name of names) {
      this.#page.delete(name);
      try {
        localStorage.removeItem(this.#prefix + name);
      } catch {
        // there is nothing to forget
      }
    }
  }

  /** Calls the listener when another tab writes `name`. */
  watch(name: string, listener: () => void): void {
    addEventListener("storage", (event) => {
      if (event.key === this.#prefix + name) listener();
    });
  }

  #load(name: string): string | null {
    try {
      return localStorage.getItem(this.#prefix + name);
    } catch {
      return null;
    }
  }
}
