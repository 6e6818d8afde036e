import { createContext, useContext, useMemo, useState } from "react";

import type { Source, Span } from "../api/types";

/** Which words of the declaration are being pointed at. */
interface Highlight {
  span: Pick<Span, "start" | "end"> | null;
  point: (source: Source | null) => void;
}

const HighlightContext = createContext<Highlight>({ span: null, point: () => undefined });

export const HighlightProvider = HighlightContext.Provider;

export function useHighlightState(): Highlight {
  const [span, setSpan] = useState<Highlight["span"]>(null);
  return useMemo(
    () => ({ span, point: (source) => setSpan(source?.kind === "said" ? source : null) }),
    [span],
  );
}

export function useHighlight(): Highlight {
  return useContext(HighlightContext);
}

/**
 * Handlers for what comes from a source: pointing at it or focusing in it shows the words; pointing at the words shows
 * it.
 */
export function usePointing(source: Source) {
  const { span, point } = useHighlight();
  const show = () => point(source);
  const hide = () => point(null);
  const pointed =
    span !== null &&
    source.kind === "said" &&
    source.start === span.start &&
    source.end === span.end;
  return {
    onMouseEnter: show,
    onMouseLeave: hide,
    onFocus: show,
    onBlur: hide,
    "data-pointed": pointed || undefined,
  };
}
