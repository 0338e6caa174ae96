// The application: what the loader fetches when somebody opens the chat.
import { render } from "preact";
import { chooseLocale, type Locale } from "./shared/locale";
import type { Application, Stage } from "./shared/stage";
import css from "./styles/panel.css";
import { type State, Store } from "./talk/state";
import { Talk } from "./talk/talk";
import { en, type Texts } from "./texts/en";
import { makeAllow } from "./views/links";
import { Panel } from "./views/Panel";
import { Phone } from "./views/phone";
import { ViewContext } from "./views/view";

export async function start(stage: Stage): Promise<Application> {
  const locale = chooseLocale([stage.locale]);
  const texts = await fetchTexts(stage, locale);
  const store = new Store(makeState(stage, locale, texts));
  const { base, key, memory, emit } = stage;
  const talk = new Talk({ base, key, memory, emit, store });
  const phone = new Phone(stage.host);
  const draw = drawInto(stage, talk, phone);
  stage.onLook((look) => store.set({ look }));
  store.subscribe(makeLater(draw));
  draw();
  // Another's conversation must not even be seen.
  if (stage.user) talk.setUser(stage.user);
  void talk.restore();
  return makeApplication(stage, talk, phone, draw);
}

function makeState({ look, memory }: Stage, locale: Locale, texts: Texts): State {
  return {
    open: false,
    loading: false,
    entries: [],
    handoff: null,
    trouble: null,
    typing: null,
    passage: null,
    clearing: false,
    leavingEmail: false,
    draft: memory.read<string>("draft") ?? "",
    announcement: "",
    look,
    locale,
    texts,
  };
}

function drawInto(stage: Stage, talk: Talk, phone: Phone): () => void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  stage.root.adoptedStyleSheets = [...stage.root.adoptedStyleSheets, sheet];
  const place = document.createElement("div");
  stage.root.append(place);
  const allow = makeAllow(stage.linkHosts);
  let shown = -1;
  return () => {
    const { state } = talk.store;
    const before = stage.root.activeElement;
    render(
      <ViewContext.Provider value={{ state, talk, allow }}>
        <Panel phone={phone} />
      </ViewContext.Provider>,
      place,
    );
    if (before && !before.isConnected && state.open) focusPanel(stage, phone);
    stage.launcher.setAttribute("aria-expanded", String(state.open));
    const unread = talk.countUnread();
    if (unread !== shown) stage.showUnread(unread);
    if (unread > shown && shown >= 0) stage.emit("unread", { count: unread });
    shown = unread;
  };
}

/** Gathers changes that are made together into one drawing, which no drawing can be inside of. */
function makeLater(draw: () => void): () => void {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      draw();
    });
  };
}

function makeApplication(stage: Stage, talk: Talk, phone: Phone, draw: () => void): Application {
  const isInside = (): boolean => Boolean(stage.root.activeElement?.closest(".panel"));
  const application: Application = {
    open: (takeFocus) => {
      talk.setOpen(true);
      draw();
      if (takeFocus) focusPanel(stage, phone);
    },
    close: () => talk.setOpen(false),
    toggle: () => (talk.store.state.open ? talk.setOpen(false) : application.open(true)),
    setUser: (token) => talk.setUser(token),
    reset: () => talk.reset(),
    setLocale: (wanted) => void changeLocale(stage, talk, wanted),
  };
  // The way back for the keyboard: to the launcher, from wherever in the panel it was.
  let inside = false;
  stage.root.addEventListener("focusin", () => (inside = isInside()));
  talk.store.subscribe(() => {
    if (talk.store.state.open || !inside) return;
    inside = false;
    draw();
    stage.launcher.focus();
  });
  return application;
}

/** On a phone the text box would bring up the keyboard, unasked. */
function focusPanel({ root }: Stage, phone: Phone): void {
  const wanted = phone.isSmall ? ".panel" : ".panel textarea";
  root.querySelector<HTMLElement>(wanted)?.focus();
}

async function changeLocale(stage: Stage, talk: Talk, wanted: string): Promise<void> {
  const locale = chooseLocale([wanted]);
  const texts = await fetchTexts(stage, locale);
  talk.store.set({ locale, texts });
}

async function fetchTexts({ base, version }: Stage, locale: Locale): Promise<Texts> {
  if (locale === "en") return en;
  try {
    const module = (await import(`${base}widget/texts-${locale}.js?v=${version}`)) as { texts: Texts };
    return module.texts;
  } catch {
    return en; // better read in English than not at all
  }
}
