// What goes over the wire: docs/http-api.md in types, as much of it as the widget reads.

export interface Source {
  passage_id: string;
  article_id: string;
  title: string;
  heading_path: string[];
  text: string;
}

export interface Sentence {
  text: string;
  citations: string[];
}

export type Outcome = "answered" | "clarified" | "abstained" | "handed_off";

export interface Reply {
  outcome: Outcome;
  reason: string;
  text: string;
  sentences: Sentence[];
  sources: Source[];
}

export interface Rating {
  helpful: boolean;
  comment: string | null;
}

export interface TurnView {
  turn_id: string;
  question: string;
  status: "pending" | "done";
  created_at: string;
  reply: Reply | null;
  rating: Rating | null;
}

export interface PersonMessage {
  message_id: string;
  text: string;
  name: string;
  sources: Source[];
  created_at: string;
}

export interface Handoff {
  state: "waiting" | "taken";
  reason: string;
  name: string | null;
  attended: boolean;
  emailed: boolean;
}

export interface ConversationView {
  conversation_id: string;
  turns: TurnView[];
  messages?: PersonMessage[];
  handoff?: Handoff | null;
  latest?: number | null;
}

export interface Started {
  conversation_id: string;
  token: string;
}

export interface NewMessage {
  text: string;
  message_id: string;
  wish?: "person";
}

export interface Problem {
  type?: string;
  status: number;
  detail?: string;
  retry_after_s?: number;
}
