// What every view can reach without its being handed down.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { State } from "../talk/state";
import type { Talk } from "../talk/talk";
import type { Allow } from "./links";

export interface View {
  state: State;
  talk: Talk;
  allow: Allow;
}

export const ViewContext = createContext<View | null>(null);

export function useView(): View {
  const view = useContext(ViewContext);
  if (!view) throw new Error("A view was drawn outside of the panel.");
  return view;
}

/** Puts values in the places of a text: «{name} is writing». */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
