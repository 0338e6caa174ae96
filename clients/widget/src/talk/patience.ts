// How long to wait before asking again, and what cuts the waiting short.

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

export class Patience {
  #attempt = 0;
  readonly #hurry = new Set<() => void>();

  constructor() {
    addEventListener("online", () => this.hurry());
  }

  /** Ends what is being waited for: the network is back, or the customer says to try now. */
  hurry(): void {
    for (const go of [...this.#hurry]) go();
  }

  reset(): void {
    this.#attempt = 0;
  }

  /** Returns how long the next wait is: what the service asked for, or a growing pause. */
  next(retryAfterS?: number): number {
    const grown = Math.min(FIRST_MS * 2 ** this.#attempt, LONGEST_MS);
    this.#attempt += 1;
    // Many browsers lose a service at once; they should not all come back at once.
    return retryAfterS ? retryAfterS * 1000 : grown * (0.75 + Math.random() / 2);
  }

  wait(pauseMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        this.#hurry.delete(go);
        resolve();
      };
      const timer = setTimeout(go, pauseMs);
      this.#hurry.add(go);
      signal?.addEventListener("abort", go);
    });
  }
}
