// A page with the widget on it, which wears what the owner's page says. It talks to nobody but it.
const { key } = document.querySelector("script[data-key]").dataset;
const script = document.createElement("script");
script.src = "/widget.js";
script.dataset.key = key;
script.addEventListener("load", () => {
  parent.postMessage("preview-ready", location.origin);
  window.Frontdesk.open();
});
addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data?.look) window.Frontdesk.setLook(event.data.look);
});
document.head.append(script);
