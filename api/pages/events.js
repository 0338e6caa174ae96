// Server-sent events from a POST, which the browser's own EventSource cannot make.

export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parse(block);
      if (event) yield event;
    }
  }
}

function parse(block) {
  const data = block.split("\n").filter((line) => line.startsWith("data: "));
  const name = block.split("\n").find((line) => line.startsWith("event: "));
  if (!name || !data.length) return null;
  return { name: name.slice(7), data: JSON.parse(data.map((line) => line.slice(6)).join("\n")) };
}
