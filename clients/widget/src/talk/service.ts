// The calls that the widget makes, and what they raise: Refused or Unreachable.
import { Refused, Unreachable } from "./errors";
import type { ConversationView, NewMessage, Problem, Started } from "./wire";

export interface NewConversation {
  key: string | null;
  user_token: string | null;
  visitor: string;
  locale: string;
}

// For the head of a response only: a stream may then take as long as it likes.
const PATIENCE_MS = 30_000;

export class Service {
  constructor(
    private readonly base: string,
    private owned: Started | null = null,
  ) {}

  own(started: Started | null): void {
    this.owned = started;
  }

  async start(wanted: NewConversation): Promise<Started> {
    const given = Object.entries(wanted).filter(([, value]) => value);
    const response = await this.#call("", { body: Object.fromEntries(given) }, false);
    return readJson<Started>(response);
  }

  async read(): Promise<ConversationView> {
    return readJson<ConversationView>(await this.#call(this.#path("")));
  }

  say(message: NewMessage, signal: AbortSignal): Promise<Response> {
    return this.#call(this.#path("/messages"), { body: message, signal });
  }

  readTurn(turnId: string, signal: AbortSignal): Promise<Response> {
    return this.#call(this.#path(`/turns/${turnId}/events`), { signal });
  }

  follow(after: number, signal: AbortSignal): Promise<Response> {
    return this.#call(this.#path(`/live?after=${after}`), { signal });
  }

  async rate(turnId: string, helpful: boolean, comment: string | null): Promise<void> {
    const body = comment ? { helpful, comment } : { helpful };
    await this.#call(this.#path(`/turns/${turnId}/rating`), { body });
  }

  async tie(userToken: string): Promise<void> {
    await this.#call(this.#path("/user"), { body: { user_token: userToken } });
  }

  async leaveEmail(email: string): Promise<void> {
    await this.#call(this.#path("/email"), { body: { email } });
  }

  async showTyping(): Promise<void> {
    await this.#call(this.#path("/typing"), { body: {} });
  }

  #path(rest: string): string {
    return `/${this.owned?.conversation_id ?? ""}${rest}`;
  }

  async #call(
    path: string,
    { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
    owned = true,
  ): Promise<Response> {
    const headers: Record<string, string> = {};
    if (owned && this.owned) headers["Authorization"] = `Bearer ${this.owned.token}`;
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetchInTime(`${this.base}v1/conversations${path}`, {
      method: body ? "POST" : "GET",
      headers,
      credentials: "omit",
      cache: "no-store",
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    if (response.ok) return response;
    throw new Refused(await readProblem(response));
  }
}

async function fetchInTime(address: string, options: RequestInit): Promise<Response> {
  if (options.signal?.aborted) throw new Unreachable();
  const head = new AbortController();
  const pass = (): void => head.abort();
  options.signal?.addEventListener("abort", pass);
  const timer = setTimeout(pass, PATIENCE_MS);
  try {
    return await fetch(address, { ...options, signal: head.signal });
  } catch {
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
  }
}

async function readJson<T>(response: Response): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new Unreachable();
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const said = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const header = Number(response.headers.get("Retry-After")) || undefined;
  const after = said.retry_after_s ?? header;
  return { ...said, status: response.status, ...(after === undefined ? {} : { retry_after_s: after }) };
}
