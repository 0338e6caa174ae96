// What the loader hands to the application, and what it gets back.
import type { Memory } from "./memory";

export interface Look {
  title?: string;
  greeting?: string;
  accent?: string;
  accent_dark?: string;
  position?: string;
  questions?: string[];
}

export type Emit = (event: string, detail?: unknown) => void;

export interface Stage {
  /** Where the service is, ending in a slash. */
  base: string;
  version: string;
  key: string | null;
  host: HTMLElement;
  root: ShadowRoot;
  launcher: HTMLButtonElement;
  memory: Memory;
  locale: string;
  /** The token that the page has given so far. */
  user: string | null;
  linkHosts: string[];
  look: Look;
  onLook(listener: (look: Look) => void): void;
  emit: Emit;
  showUnread(count: number): void;
}

export interface Application {
  open(focus: boolean): void;
  close(): void;
  toggle(): void;
  setUser(token: string): void;
  reset(): void;
  setLocale(locale: string): void;
}

export type Start = (stage: Stage) => Promise<Application>;
