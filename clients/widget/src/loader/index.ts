// The whole of widget.js: draws the launcher, keeps the calls of the page, and fetches the
// application when somebody opens it, or when a conversation has something going on.
import type { Application, Look, Stage, Start } from "../shared/stage";
import { chooseLocale } from "../shared/locale";
import { Memory } from "../shared/memory";
import { Events, type Name, takeCalls } from "./calls";
import { Launcher } from "./launcher";
import { findScript, type Options, readOptions } from "./options";

const PHONE = "(max-width: 480px), (max-height: 420px)";
const PAUSES_MS = [0, 1000, 3000, 8000];

class Loader {
  readonly #memory: Memory;
  readonly #events = new Events();
  readonly #launcher = new Launcher(() => this.#act("toggle"));
  readonly #lookers: ((look: Look) => void)[] = [];
  /** The script may run before the page has a body to put the launcher into. */
  readonly #body = document.body
    ? Promise.resolve()
    : new Promise<void>((resolve) => addEventListener("DOMContentLoaded", () => resolve()));
  #locale: string;
  #look: Look;
  #dressed = false;
  #user: string | null = null;
  #loading: Promise<Application> | null = null;

  constructor(private readonly options: Options) {
    this.#memory = new Memory(options.key);
    this.#look = this.#memory.read<Look>("look") ?? {};
    const chosen = this.#memory.read<string>("locale");
    const page = document.documentElement.lang;
    this.#locale = chooseLocale([chosen, options.locale, page, ...navigator.languages]);
  }

  /** Takes over the page's calls; does nothing where another script has done so. */
  run(): void {
    if (!takeCalls(this.#events, (name, argument) => this.#act(name, argument))) return;
    void this.#body.then(() => this.#begin());
  }

  #begin(): void {
    const launcher = this.#launcher;
    launcher.setLocale(this.#locale);
    followTheme(launcher, this.options.theme);
    launcher.stay();
    this.#wear(this.#look);
    launcher.showUnread(this.#memory.read<number>("unread") ?? 0);
    launcher.button.addEventListener("pointerenter", () => this.#withApplication(() => {}), { once: true });
    void fetchLook(this.options).then((fresh) => {
      if (!fresh || this.#dressed) return;
      this.#memory.write("look", fresh);
      this.#wear(fresh);
    });
    const opened = this.#memory.read<boolean>("open") && !matchMedia(PHONE).matches;
    if (opened) this.#withApplication((application) => application.open(false));
    else if (isGoingOn(this.#memory)) this.#withApplication(() => {});
  }

  #act(name: Name, argument?: unknown): void {
    const text = typeof argument === "string" ? argument : "";
    if (name === "setLook") return this.#dress(argument as Look);
    if (name === "setUser") this.#user = text || null;
    if (name === "setLocale") this.#setLocale(text);
    if (name === "reset") this.#reset();
    const needed = name === "open" || name === "toggle";
    if (this.#loading || needed) this.#withApplication((application) => perform(application, name, text));
  }

  #setLocale(wanted: string): void {
    this.#locale = chooseLocale([wanted]);
    this.#memory.write("locale", this.#locale);
    this.#launcher.setLocale(this.#locale);
  }

  #reset(): void {
    this.#user = null;
    if (this.#loading) return; // the application has more to forget, and does it
    forgetAll(this.#memory);
    this.#launcher.showUnread(0);
  }

  /** Wears what the page says, whatever the service says. */
  #dress(look: Look): void {
    this.#dressed = true;
    this.#wear({ ...this.#look, ...look });
  }

  #wear(look: Look): void {
    this.#look = look;
    this.#launcher.wear(look);
    for (const listener of this.#lookers) listener(look);
  }

  /** Does something with the application, which is fetched if it is not there. */
  #withApplication(act: (application: Application) => void): void {
    this.#loading ??= this.#load();
    this.#loading.then(act, (error: unknown) => {
      this.#loading = null;
      this.#events.emit("error", { detail: String(error) });
    });
  }

  async #load(): Promise<Application> {
    await this.#body;
    const start = await fetchApplication(this.options.base);
    const application = await start(this.#makeStage());
    this.#events.emit("ready");
    return application;
  }

  #makeStage(): Stage {
    return {
      base: this.options.base,
      version: VERSION,
      key: this.options.key,
      host: this.#launcher.host,
      root: this.#launcher.root,
      launcher: this.#launcher.button,
      memory: this.#memory,
      locale: this.#locale,
      user: this.#user,
      linkHosts: this.options.linkHosts,
      look: this.#look,
      onLook: (listener) => this.#lookers.push(listener),
      emit: (event, detail) => this.#events.emit(event, detail),
      showUnread: (count) => this.#launcher.showUnread(count),
    };
  }
}

function perform(application: Application, name: keyof Application, text: string): void {
  if (name === "open") application.open(true);
  else if (name === "setUser" || name === "setLocale") application[name](text);
  else application[name]();
}

async function fetchApplication(base: string): Promise<Start> {
  for (const pause of PAUSES_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      // A browser remembers that a module failed; another address makes it try again.
      const address = `${base}widget/app.js?v=${VERSION}${pause ? `&again=${Date.now()}` : ""}`;
      return ((await import(address)) as { start: Start }).start;
    } catch {
      // the next pause is longer
    }
  }
  throw new Error("The chat could not be loaded.");
}

async function fetchLook({ base, key }: Options): Promise<Look | null> {
  if (!key) return null;
  try {
    const response = await fetch(`${base}v1/sites/${encodeURIComponent(key)}`, { credentials: "omit" });
    const said = (await response.json()) as { look?: Look; detail?: string };
    if (!response.ok) console.warn(`Frontdesk: ${said.detail ?? response.status}`);
    return said.look ?? null;
  } catch {
    return null;
  }
}

const isGoingOn = (memory: Memory): boolean =>
  Boolean(memory.read<boolean>("busy") || memory.read<unknown[]>("unsent")?.length);

const forgetAll = (memory: Memory): void =>
  memory.forget("conversation", "unsent", "stopped", "notes", "after", "busy", "seen", "unread", "draft", "visitor");

function followTheme(launcher: Launcher, theme: string | null): void {
  const page = document.documentElement;
  const apply = (): void => {
    const wanted = theme ?? page.dataset.theme ?? "";
    if (wanted === "dark" || wanted === "light") launcher.host.dataset.theme = wanted;
    else delete launcher.host.dataset.theme;
    launcher.readInk();
  };
  new MutationObserver(apply).observe(page, { attributeFilter: ["data-theme", "class", "style"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  apply();
}

const script = findScript();
if (script) new Loader(readOptions(script)).run();
