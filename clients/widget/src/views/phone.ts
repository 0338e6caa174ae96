// On a phone the panel is the whole screen and modal: the browser keeps the keyboard inside. On a
// desk it stands beside the page, which stays usable.

const SMALL = matchMedia("(max-width: 480px), (max-height: 420px)");

export class Phone {
  constructor(private readonly host: HTMLElement) {
    const fit = (): void => this.#fit();
    visualViewport?.addEventListener("resize", fit);
    visualViewport?.addEventListener("scroll", fit);
  }

  get isSmall(): boolean {
    return SMALL.matches;
  }

  /** Calls the listener when the screen turns small or large, or the page put the host elsewhere. */
  onChange(listener: () => void): () => void {
    SMALL.addEventListener("change", listener);
    this.host.addEventListener("moved", listener);
    return () => {
      SMALL.removeEventListener("change", listener);
      this.host.removeEventListener("moved", listener);
    };
  }

  show(dialog: HTMLDialogElement, open: boolean): void {
    const settled = dialog.open === open && (!open || dialog.matches(":modal") === this.isSmall);
    if (settled) return;
    if (dialog.open) dialog.close();
    if (!open) return;
    if (this.isSmall) dialog.showModal();
    // Not show(): that would take the keyboard away from the page when a panel is restored.
    else dialog.open = true;
    this.#fit();
  }

  /** Keeps the panel above the keyboard on the screen, which covers what is fixed to the bottom. */
  #fit(): void {
    const seen = visualViewport;
    if (!seen) return;
    this.host.style.setProperty("--seen-height", `${seen.height}px`);
    this.host.style.setProperty("--seen-top", `${seen.offsetTop}px`);
  }
}
