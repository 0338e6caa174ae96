import { readEvents } from "/pages/events.js";
import { makeTurn, openDialog } from "/pages/turn.js";

const find = (id) => document.getElementById(id);
const notice = find("notice");
let conversation = null;
let running = null;
let waiting = false;

class Refused extends Error {
  constructor(problem) {
    super(problem.detail || "Something went wrong; please try again.");
    this.status = problem.status;
  }
}

async function call(path, options = {}) {
  const headers = { "Content-Type": "application/json" };
  if (conversation) headers.Authorization = `Bearer ${conversation.token}`;
  const response = await fetch(`/v1/conversations${path}`, { headers, ...options });
  if (response.ok) return response;
  throw new Refused(await response.json().catch(() => ({ status: response.status })));
}

const post = (path, body, signal) =>
  call(path, { method: "POST", body: body && JSON.stringify(body), signal });

async function ask(text) {
  setBusy(true);
  notice.textContent = "";
  find("welcome").hidden = true;
  const turn = makeTurn(text, { rate, retry });
  turn.text = text;
  turn.messageId = makeId();
  find("turns").append(turn.element);
  await run(turn);
}

async function retry(turn) {
  setBusy(true);
  turn.reset();
  await run(turn);
}

// crypto.randomUUID is only there on https and localhost.
const makeId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

async function run(turn) {
  const own = new AbortController();
  running = own;
  try {
    conversation ??= await (await post("")).json();
    const path = `/${conversation.conversation_id}/messages`;
    const body = { text: turn.text, message_id: turn.messageId };
    const response = await post(path, body, own.signal);
    turn.id = response.headers.get("Turn-Id");
    await show(turn, response);
  } catch (error) {
    if (own.signal.aborted) return;
    if (error.status === 401 || error.status === 404) conversation = null;
    turn.fail(error instanceof Refused ? error.message : "The service cannot be reached. Is it running?");
    if (error.status === 503) watchStart();
  } finally {
    if (running === own) setBusy(false);
  }
}

async function show(turn, response) {
  let ended = false;
  for await (const { name, data } of readEvents(response)) {
    ended ||= name === "done" || name === "error";
    turn.take(name, data);
    turn.element.scrollIntoView({ block: "end" });
  }
  if (!ended) turn.fail("The connection was cut before the end.");
}

async function rate(turn, helpful) {
  try {
    await post(`/${conversation.conversation_id}/turns/${turn.id}/rating`, { helpful });
    return true;
  } catch (error) {
    notice.textContent = error.message;
    return false;
  }
}

function setBusy(busy) {
  find("send").disabled = busy;
  for (const button of document.querySelectorAll("#suggestions button")) button.disabled = busy;
  find("turns").setAttribute("aria-busy", String(busy));
  if (!busy) find("text").focus();
}

function restart() {
  running?.abort();
  running = null;
  conversation = null;
  notice.textContent = "";
  find("turns").replaceChildren();
  find("welcome").hidden = false;
  setBusy(false);
}

async function watchStart() {
  if (waiting) return;
  waiting = true;
  for (;;) {
    const { ready, checks } = await readReadiness();
    if (ready) break;
    notice.textContent = describeStart(checks);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  waiting = false;
  notice.textContent = "";
}

const readReadiness = () =>
  fetch("/readyz").then((response) => response.json()).catch(() => ({ ready: false, checks: {} }));

function describeStart(checks) {
  const failed = Object.entries(checks).find(([, state]) => state.startsWith("failed"));
  if (failed) return `The service could not start: ${failed[0]} ${failed[1]}`;
  const next = Object.entries(checks).find(([, state]) => state !== "ready");
  return next ? `Starting: waiting for the ${next[0]}…` : "The service cannot be reached.";
}

function send() {
  const text = find("text").value.trim();
  if (!text || find("send").disabled) return;
  find("text").value = "";
  ask(text);
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
find("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
find("suggestions").addEventListener("click", (event) => {
  if (event.target instanceof HTMLButtonElement) ask(event.target.textContent);
});
find("restart").addEventListener("click", restart);
openDialog(find("passage"));
watchStart();
find("text").focus();
