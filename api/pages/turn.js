// One question and its reply. Only textContent is ever set: nothing here is read as HTML.

const OUTCOMES = {
  abstained: "No answer in the help articles",
  handed_off: "Handed over to a person",
  clarified: "One question back",
  error: "That did not work",
};

let showPassage = () => {};

export function openDialog(dialog) {
  showPassage = (source) => {
    const path = [source.title, ...source.heading_path].join(" › ");
    dialog.querySelector("#passage-path").textContent = path;
    dialog.querySelector("#passage-title").textContent = source.title;
    dialog.querySelector("#passage-text").textContent = source.text;
    dialog.showModal();
  };
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function makeButton(text, label, act) {
  const button = make("button", "", text);
  button.type = "button";
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", () => act(button));
  return button;
}

export function makeTurn(question, { rate, retry }) {
  const element = make("li");
  const reply = make("div", "reply");
  element.append(make("p", "question", question), reply);
  const turn = { element, id: null };
  let sources = [];
  let body = null;

  const begin = () => {
    sources = [];
    body = make("div");
    delete reply.dataset.outcome;
    reply.replaceChildren(body, make("p", "label waiting", "Looking it up"));
  };
  const settle = () => reply.querySelector(".waiting")?.remove();
  const say = (text) => reply.querySelector(".waiting")?.replaceChildren(text);

  const cite = (id) => {
    const place = sources.findIndex((source) => source.passage_id === id);
    if (place < 0) return "";
    const button = makeButton(String(place + 1), `Source ${place + 1}: ${sources[place].title}`, () =>
      showPassage(sources[place]),
    );
    button.className = "cite";
    return button;
  };

  const addSentence = ({ text, citations }) => {
    let paragraph = body.querySelector("p.answer");
    if (!paragraph) body.append((paragraph = make("p", "answer")));
    paragraph.append(paragraph.childNodes.length ? " " : "", text, ...citations.map(cite));
  };

  const addOutcome = (outcome, text) => {
    reply.dataset.outcome = outcome;
    body.replaceChildren(make("p", "outcome", OUTCOMES[outcome]), make("p", "", text));
  };

  const addSources = () => {
    if (!sources.length) return;
    const list = make("ol", "sources");
    sources.forEach((source, place) => {
      const item = make("li");
      const name = [source.title, ...source.heading_path.slice(-1)].join(" › ");
      item.append(makeButton(`${place + 1} ${name}`, "", () => showPassage(source)));
      list.append(item);
    });
    reply.append(make("p", "label", "Sources"), list);
  };

  const addThumbs = () => {
    const row = make("div", "thumbs");
    const press = async (button, helpful) => {
      if (!(await rate(turn, helpful))) return;
      for (const other of row.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    };
    row.append(
      make("span", "label", "Did this help?"),
      makeButton("Yes", "Yes, this helped", (button) => press(button, true)),
      makeButton("No", "No, this did not help", (button) => press(button, false)),
    );
    reply.append(row);
  };

  const finish = ({ reply: kept }) => {
    settle();
    if (kept.outcome !== "answered") addOutcome(kept.outcome, kept.text);
    else if (!body.childNodes.length) body.append(make("p", "answer", kept.text));
    addSources();
    addThumbs();
  };

  turn.reset = begin;
  turn.fail = (text) => {
    settle();
    addOutcome("error", text);
    body.append(makeButton("Try again", "", () => retry(turn)));
  };
  turn.take = (name, data) => {
    const actions = {
      sources: () => {
        sources = data.sources;
        say(sources.length === 1 ? "Reading 1 passage" : `Reading ${sources.length} passages`);
      },
      sentence: () => addSentence(data.sentence),
      clarification: () => addOutcome("clarified", data.question),
      handed_off: () => addOutcome("handed_off", data.text),
      done: () => finish(data),
      error: () => turn.fail(data.detail),
    };
    actions[name]?.();
  };
  begin();
  return turn;
}
