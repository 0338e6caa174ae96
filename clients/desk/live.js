// Keeps parts of a page as they are on the server: `data-live` is where a part comes from,
// `data-of` the conversation it belongs to (none: all of them).
const WAIT_MS = 120;
const waiting = new Set();

async function refresh(part) {
  const answer = await fetch(part.dataset.live, { credentials: "same-origin", redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload();
  if (!answer.ok) return;
  const text = await answer.text();
  if (part.dataset.last === text) return;
  part.dataset.last = text;
  const open = [...part.querySelectorAll("details")].map((d) => d.open);
  part.innerHTML = text;
  part.querySelectorAll("details").forEach((d, i) => { d.open = open[i] ?? false; });
  part.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}

function refreshSoon(part) {
  if (waiting.has(part)) return;
  waiting.add(part);
  setTimeout(() => { waiting.delete(part); refresh(part); }, WAIT_MS);
}

export function refreshAll(conversation) {
  for (const part of document.querySelectorAll("[data-live]")) {
    if (!part.dataset.of || !conversation || part.dataset.of === conversation) refreshSoon(part);
  }
}

const KINDS = ["asked", "replied", "waiting", "prepared", "taken", "message", "returned", "closed",
  "emailed", "rated"];
if (document.querySelector("[data-live]")) {
  const events = new EventSource("/desk/live");
  events.addEventListener("ready", () => refreshAll());
  for (const kind of KINDS) {
    events.addEventListener(kind, (event) => refreshAll(JSON.parse(event.data).conversation_id));
  }
  events.addEventListener("typing", (event) => {
    document.dispatchEvent(new CustomEvent("typing", { detail: JSON.parse(event.data) }));
  });
  addEventListener("pagehide", () => events.close());
}
