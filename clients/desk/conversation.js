// Writing to a customer: insert the suggestion, reword, send, and lose nothing on the way.
import { refreshAll } from "/desk/assets/live.js";

const TYPING_EVERY_MS = 3000;
const TYPING_SHOWN_MS = 5000;
const { conversation } = document.querySelector("[data-conversation]").dataset;
const { csrf } = document.body.dataset;
const composer = document.querySelector("#composer");
const { text, inserted, message_id: messageId } = composer.elements;
const note = document.querySelector("#note");
const undo = document.querySelector("#undo");
const typing = document.querySelector("#typing");
const draftKey = `draft:${conversation}`;
let typedAt = 0;
let before = null;
let typingTimer;

const post = (path, fields) => fetch(`/desk/conversations/${conversation}/${path}`, {
  method: "POST",
  headers: { "X-CSRF": csrf },
  body: new URLSearchParams(fields),
});

function replaceText(value) {
  before = text.value;
  text.value = value;
  undo.hidden = false;
  remember();
  text.focus();
}

function remember() {
  sessionStorage.setItem(draftKey, JSON.stringify({ text: text.value, inserted: inserted.value }));
}

function insert() {
  const suggestion = document.querySelector("#suggestion");
  if (composer.hidden || !suggestion?.dataset.text) return;
  const gap = text.value && !text.value.endsWith("\n") ? "\n" : "";
  inserted.value = suggestion.dataset.id;
  replaceText(text.value + gap + suggestion.dataset.text);
}

async function reword(button) {
  if (!text.value.trim()) { note.textContent = "Write or insert something first."; return; }
  const given = text.value;
  note.textContent = "Rewording…";
  button.disabled = true;
  try {
    const answer = await post("reword", { text: given, manner: button.dataset.manner });
    const said = await answer.json();
    if (!answer.ok) note.textContent = said.detail;
    else if (said.text === null) note.textContent = "It would have changed what is said, so nothing was replaced.";
    else if (text.value !== given) note.textContent = "You wrote on meanwhile, so nothing was replaced.";
    else { replaceText(said.text); note.textContent = "Reworded; read it once more."; }
  } catch {
    note.textContent = "No connection; try again.";
  }
  button.disabled = false;
}

async function send(event) {
  event.preventDefault();
  if (!text.value.trim()) return;
  messageId.value ||= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  note.textContent = "Sending…";
  try {
    const answer = await post("send", new FormData(composer));
    if (!answer.ok) {
      note.textContent = (await answer.json()).detail ?? "It was not sent.";
      return;
    }
  } catch {
    note.textContent = "No connection. Nothing is lost: press Send again.";
    return;
  }
  text.value = inserted.value = messageId.value = "";
  undo.hidden = true;
  note.textContent = "Sent.";
  sessionStorage.removeItem(draftKey);
  refreshAll(conversation);
}

composer.addEventListener("submit", send);
composer.addEventListener("click", (event) => {
  if (event.target.dataset.manner) reword(event.target);
});
undo.addEventListener("click", () => { text.value = before; undo.hidden = true; remember(); });
text.addEventListener("input", () => {
  remember();
  if (Date.now() - typedAt > TYPING_EVERY_MS) {
    typedAt = Date.now();
    post("typing", {}).catch(() => {});
  }
});
document.addEventListener("click", (event) => { if (event.target.closest("#insert")) insert(); });
document.addEventListener("keydown", (event) => {
  if (event.altKey && event.code === "KeyI") { event.preventDefault(); insert(); }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target === text) {
    event.preventDefault();
    composer.requestSubmit();
  }
});
document.addEventListener("refreshed", () => {
  const holds = document.querySelector("[data-holds]")?.dataset.holds === "yes";
  if (composer.hidden === holds) composer.hidden = !holds;
});
document.addEventListener("typing", ({ detail }) => {
  if (detail.conversation_id !== conversation || detail.who !== "customer") return;
  typing.textContent = "The customer is writing…";
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => { typing.textContent = ""; }, TYPING_SHOWN_MS);
});

const kept = JSON.parse(sessionStorage.getItem(draftKey) ?? "null");
if (kept && !text.value) { text.value = kept.text; inserted.value = kept.inserted; }
