// The panel beside another help desk: takes the ticket from the page around it, if that page is
// one of those that are allowed, and asks the articles.
import ZAFClient from "/desk/assets/vendor/zaf_sdk.js";

const { host, origins, csrf } = document.body.dataset;
const allowed = origins.split(" ");
const form = document.querySelector("#ticket");
const answer = document.querySelector("#answer");
let asking = 0;
let insert = copy;

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying is not allowed here";
  }
}

async function ask() {
  const mine = ++asking;
  answer.textContent = "Looking…";
  let shown;
  try {
    const reply = await fetch("/desk/panel", {
      method: "POST",
      headers: { "X-CSRF": csrf },
      body: new URLSearchParams(new FormData(form)),
    });
    shown = await reply.text();
  } catch {
    shown = "No connection; try again.";
  }
  if (mine === asking) answer.innerHTML = shown; // escaped by the template it comes from
}

function take(text) {
  if (!text?.trim() || form.elements.text.value === text) return;
  form.elements.text.value = text;
  ask();
}

const strip = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent;

// https://www.chatwoot.com/docs/product/others/dashboard-apps: a JSON string with the conversation;
// messages of type 0 are the customer's.
function followChatwoot() {
  addEventListener("message", (event) => {
    if (!allowed.includes(event.origin) || event.source !== parent) return;
    let told;
    try {
      told = JSON.parse(event.data);
    } catch {
      return; // not for us
    }
    if (told?.event !== "appContext") return;
    const said = (told.data?.conversation?.messages ?? []).filter((m) => m.message_type === 0);
    take(said.at(-1)?.content);
  });
  for (const origin of allowed) parent.postMessage("chatwoot-dashboard-app:fetch-info", origin);
}

// https://developer.zendesk.com/api-reference/apps/apps-core-api/client_api/
async function followZendesk() {
  const origin = new URLSearchParams(location.search).get("origin");
  const client = allowed.includes(origin) && ZAFClient.init();
  if (!client) {
    answer.textContent = "This page is not open in a help desk that is allowed (FRONTDESK_PANEL_ORIGINS).";
    return;
  }
  insert = (text) => client.invoke("comment.appendText", text);
  const ticket = await client.get(["ticket.subject", "ticket.description"]);
  const parts = [ticket["ticket.subject"], strip(ticket["ticket.description"] ?? "")];
  take(parts.filter(Boolean).join("\n"));
}

form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
answer.addEventListener("click", ({ target }) => {
  if (target.id === "insert") insert(target.dataset.text, target);
});
if (host === "zendesk") followZendesk();
else followChatwoot();
