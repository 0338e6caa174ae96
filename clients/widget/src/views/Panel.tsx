import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { readDirection } from "../shared/locale";
import type { Phone } from "./phone";
import { Banner } from "./Banner";
import { Composer } from "./Composer";
import { Clearing, Header } from "./Header";
import { OpenPassage } from "./OpenPassage";
import { Thread } from "./Thread";
import { Trouble } from "./Trouble";
import { useView } from "./view";

export function Panel({ phone }: { phone: Phone }) {
  const { state, talk } = useView();
  const { open, passage, locale, trouble, handoff, clearing, announcement } = state;
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (dialog.current) phone.show(dialog.current, open);
  }, [open]);
  useEffect(() => phone.onChange(() => dialog.current && phone.show(dialog.current, talk.store.state.open)), []);
  const leave = (event: Event): void => {
    event.preventDefault();
    event.stopPropagation();
    if (passage) talk.showPassage(null);
    else if (clearing) talk.show({ clearing: false });
    else talk.setOpen(false);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.isComposing) leave(event);
    else event.stopPropagation(); // the page's own keyboard shortcuts are not for what is typed here
  };
  return (
    <dialog
      class="panel"
      ref={dialog}
      tabIndex={-1}
      dir={readDirection(locale)}
      lang={locale}
      aria-labelledby="title"
      onCancel={leave}
      onKeyDown={press}
    >
      <div class="main" inert={passage !== null}>
        <Header />
        {clearing && <Clearing />}
        {trouble && <Trouble trouble={trouble} />}
        {handoff && <Banner handoff={handoff} />}
        <Thread />
        <Composer />
      </div>
      {passage && <OpenPassage passage={passage} />}
      <div class="hidden" role="status">
        {announcement}
      </div>
    </dialog>
  );
}
