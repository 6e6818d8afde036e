import { useEffect } from "react";

import { Store, useStore } from "./store";

interface Draft {
  user: string;
  text: string;
}

/** What is typed and not declared yet. It is kept in memory alone, for it is nobody else's to find on this machine. */
const NONE: Draft = { user: "", text: "" };
const draft = new Store<Draft>(NONE);

/** Forgets the draft, as somebody who logs out expects. */
export function discardDraft(): void {
  draft.set(NONE);
}

/** The draft of a user: it outlives a look at another page, and the browser asks before it is lost with the tab. */
export function useDraft(user: string): [string, (text: string) => void] {
  const kept = useStore(draft);
  const text = kept.user === user ? kept.text : "";
  const unsaved = text.trim() !== "";
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);
  return [text, (text) => draft.set({ user, text })];
}
