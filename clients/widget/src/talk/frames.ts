// Server-sent events read with fetch: EventSource can neither post nor send a token.
import { Unreachable } from "./errors";

export interface Frame {
  id: string | null;
  event: string;
  data: unknown;
}

// The service writes a comment every 15 seconds; a connection that says less is dead.
const SILENCE_MS = 45_000;

export async function* readFrames(response: Response, signal: AbortSignal): AsyncGenerator<Frame> {
  if (!response.body) throw new Unreachable();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const stop = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await readInTime(reader);
      if (done || signal.aborted) return;
      const blocks = (rest + value).replace(/\r\n?/g, "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const frame = parse(block);
        if (frame) yield frame;
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function readInTime(
  reader: ReadableStreamDefaultReader<string>,
): Promise<ReadableStreamReadResult<string>> {
  let timer = 0;
  const silence = new Promise<never>((_, refuse) => {
    timer = window.setTimeout(() => refuse(new Unreachable()), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
}

function parse(block: string): Frame | null {
  let id: string | null = null;
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name, value = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "id") id = value;
    else if (name === "event") event = value;
    else if (name === "data") data.push(value);
  }
  return data.length ? { id, event, data: read(data.join("\n")) } : null;
}

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unreachable(); // something between here and the service wrote into the stream
  }
}
