// The button in the page's corner, in a shadow root that the application moves into later.
import { chooseLocale, type Locale, readDirection } from "../shared/locale";
import type { Look } from "../shared/stage";
import css from "./launcher.css";

const NAMES: Record<Locale, [open: string, close: string, unread: string]> = {
  en: ["Open chat", "Close chat", "unread"],
  de: ["Chat öffnen", "Chat schließen", "ungelesen"],
  es: ["Abrir chat", "Cerrar chat", "sin leer"],
  ar: ["افتح المحادثة", "أغلق المحادثة", "غير مقروءة"],
};
const SVG = "http://www.w3.org/2000/svg";
const BUBBLE = "M12 3C6.9 3 3 6.5 3 11c0 2.3 1 4.3 2.7 5.8L5 21l4.4-2.2c.8.2 1.7.3 2.6.3 5.1 0 9-3.6 9-8.1S17.1 3 12 3Z";
const CROSS = "M6 6l12 12M18 6L6 18";

export class Launcher {
  readonly host = document.createElement("frontdesk-chat");
  readonly root = this.host.attachShadow({ mode: "open", delegatesFocus: false });
  readonly button = document.createElement("button");
  readonly #badge = document.createElement("span");
  readonly #colours = new CSSStyleSheet();
  #names = NAMES.en;
  #unread = 0;

  constructor(onPress: () => void) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet, this.#colours];
    this.button.className = "launcher";
    this.button.type = "button";
    this.button.setAttribute("aria-haspopup", "dialog");
    this.#badge.className = "badge";
    this.#badge.setAttribute("aria-hidden", "true");
    this.button.append(drawIcon(BUBBLE, "bubble"), drawIcon(CROSS, "cross"), this.#badge);
    this.button.addEventListener("click", onPress);
    new MutationObserver(() => this.#name()).observe(this.button, { attributeFilter: ["aria-expanded"] });
    this.button.setAttribute("aria-expanded", "false");
    this.root.append(this.button);
  }

  /** Puts the host into the page, and back whenever a page's script replaces the body. */
  stay(): void {
    const watch = new MutationObserver(() => this.#attach(watch));
    this.#attach(watch);
  }

  setLocale(locale: string): void {
    const chosen = chooseLocale([locale]);
    this.#names = NAMES[chosen];
    this.button.dir = readDirection(chosen);
    this.button.lang = chosen;
    this.#name();
  }

  showUnread(count: number): void {
    this.#unread = count;
    this.#badge.textContent = count ? String(Math.min(count, 99)) : "";
    this.#name();
  }

  wear(look: Look): void {
    const accent = keepColour(look.accent);
    const dark = keepColour(look.accent_dark) ?? accent;
    const rules = [accent && `--look-accent:${accent}`, dark && `--look-accent-dark:${dark}`];
    this.#colours.replaceSync(`:host{${rules.filter(Boolean).join(";")}}`);
    this.host.dataset.side = /left|start/.test(look.position ?? "") ? "left" : "right";
    this.readInk();
  }

  /** Chooses black or white to write on the accent with, whichever can be read better. */
  readInk(): void {
    if (!this.host.isConnected) return;
    const channels = getComputedStyle(this.button).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [];
    const [red = 0, green = 0, blue = 0] = channels.map((value) => (value / 255) ** 2.2);
    const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    this.host.style.setProperty("--ink", light > 0.19 ? "#0b0d12" : "#fff");
  }

  #attach(watch: MutationObserver): void {
    if (this.host.parentNode !== document.body) {
      document.body.append(this.host);
      this.host.dispatchEvent(new Event("moved"));
    }
    watch.disconnect();
    watch.observe(document.documentElement, { childList: true });
    watch.observe(document.body, { childList: true });
    this.readInk();
  }

  #name(): void {
    const [open, close, unread] = this.#names;
    const expanded = this.button.getAttribute("aria-expanded") === "true";
    const more = this.#unread ? `, ${this.#unread} ${unread}` : "";
    this.button.setAttribute("aria-label", expanded ? close : open + more);
  }
}

function drawIcon(path: string, name: string): SVGElement {
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("class", name);
  icon.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  icon.append(line);
  return icon;
}

const keepColour = (text: string | undefined): string | null =>
  text && CSS.supports("color", text) && !/[;{}]/.test(text) ? text : null;
