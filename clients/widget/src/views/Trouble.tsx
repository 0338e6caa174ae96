import { useEffect, useState } from "preact/hooks";
import type { Trouble as What } from "../talk/state";
import { fill, useView } from "./view";

export function Trouble({ trouble }: { trouble: What }) {
  const { state, talk } = useView();
  const seconds = useCountdown(trouble.until);
  const { texts } = state;
  const text = fill(texts.trouble[trouble.kind], { seconds });
  useEffect(() => talk.store.announce(text), [trouble.kind]);
  const canHurry = trouble.kind === "unreachable" || trouble.kind === "offline";
  return (
    <div class="strip trouble">
      <p>{text}</p>
      {canHurry && (
        <button type="button" class="plain" onClick={() => talk.tryNow()}>
          {texts.tryNow}
        </button>
      )}
    </div>
  );
}

function useCountdown(until: number | null): number {
  const left = (): number => Math.max(0, Math.ceil(((until ?? 0) - Date.now()) / 1000));
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((count) => count + 1), 1000);
    return () => clearInterval(timer);
  }, [until]);
  return left();
}
