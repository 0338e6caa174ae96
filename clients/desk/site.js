// The owner's page: what is typed is worn by the widget in the preview at once.
const form = document.querySelector("#site");
const frame = document.querySelector(".preview iframe");
const faint = document.querySelector("#faint");
const READABLE = 4.5;

function readLook() {
  const fields = new FormData(form);
  const lines = String(fields.get("questions")).split("\n").map((line) => line.trim());
  return {
    title: fields.get("title"),
    greeting: fields.get("greeting"),
    accent: fields.get("accent"),
    accent_dark: fields.get("accent_dark"),
    position: fields.get("position"),
    questions: lines.filter(Boolean).slice(0, 6),
  };
}

// WCAG 2.2's contrast ratio with white.
function measureContrast(colour) {
  const linear = [1, 3, 5].map((place) => {
    const part = parseInt(colour.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05);
}

function show() {
  const look = readLook();
  faint.hidden = measureContrast(look.accent) >= READABLE;
  frame.contentWindow.postMessage({ look }, location.origin);
}

form.addEventListener("input", show);
addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data === "preview-ready") show();
});
document.querySelector("#copy").addEventListener("click", async (event) => {
  const snippet = document.querySelector("#snippet");
  try {
    await navigator.clipboard.writeText(snippet.textContent);
    event.target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(snippet);
    event.target.textContent = "Press Ctrl+C";
  }
});
