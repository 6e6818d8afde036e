import { useEffect, useRef } from "react";

import type { Reading, Source } from "../api/types";
import { isIntent } from "../lib/intent";
import { type Mark, segments } from "../lib/spans";
import classes from "./DeclaredText.module.css";
import { useHighlight } from "./highlight";

type Kind = "said" | "unread" | "asked" | "aside" | "active";

/** What a stretch of the text is; of words that were read, what was read from them. */
interface Meaning {
  kind: Kind;
  source?: Source & { kind: "said" };
}

interface Props {
  content: string;
  reading: Reading | null;
}

/** The declaration as it was typed, with the words marked that were read, asked about, or left over. */
export function DeclaredText({ content, reading }: Props) {
  const { span, point } = useHighlight();
  const box = useRef<HTMLParagraphElement>(null);
  const active = useRef<HTMLElement>(null);
  const marks = reading ? readingMarks(reading) : [];
  if (span) marks.push({ ...span, value: { kind: "active" } });

  // The text scrolls in its own box; the page stays where it is under the pointer.
  useEffect(() => {
    const [within, mark] = [box.current, active.current];
    if (!within || !mark) return;
    const top = mark.offsetTop - within.offsetTop;
    const bottom = top + mark.offsetHeight - within.clientHeight;
    within.scrollTop = Math.min(Math.max(within.scrollTop, bottom), top);
  }, [span]);

  return (
    <>
      <p
        ref={box}
        className={`${classes.text} ${isIntent(content) ? classes.intent : "voice"}`}
        data-testid="declared"
      >
        {segments(content, marks).map(({ text, start, marks: meanings }) => {
          if (meanings.length === 0) return text;
          const kinds = meanings.map(({ kind }) => kind);
          const unread = kinds.includes("unread");
          const source = narrowest(meanings);
          return (
            <mark
              key={start}
              ref={kinds.includes("active") ? active : undefined}
              data-marks={kinds.join(" ")}
              {...(source && {
                onMouseEnter: () => point(source),
                onMouseLeave: () => point(null),
              })}
            >
              {text}
              {unread && <span className="visually-hidden"> (not understood)</span>}
              {kinds.includes("aside") && (
                <span className="visually-hidden"> (nothing is done for it)</span>
              )}
            </mark>
          );
        })}
      </p>
      {reading && reading.unread.length > 0 && (
        <p className={classes.legend}>
          <mark data-marks="unread">Words marked so</mark> were not understood. They are in no step
          of the plan.
        </p>
      )}
      {reading && reading.asides.length > 0 && (
        <p className={classes.legend}>
          <mark data-marks="aside">Words marked so</mark> were taken for a reason or a remark.
          Nothing is done for them.
        </p>
      )}
    </>
  );
}

/** Of values that were read from the same words, the one of the fewest. */
function narrowest(meanings: Meaning[]): Meaning["source"] {
  const sources = meanings.flatMap(({ source }) => source ?? []);
  return sources.sort((a, b) => a.end - a.start - (b.end - b.start))[0];
}

function readingMarks(reading: Reading): Mark<Meaning>[] {
  const marked = (kind: Kind) => (span: { start: number; end: number }) => ({
    ...span,
    value: { kind },
  });
  const marks: Mark<Meaning>[] = [
    ...reading.unread.map(marked("unread")),
    ...reading.asides.map(marked("aside")),
  ];
  for (const { start, end } of reading.questions) {
    if (start !== null && end !== null) marks.push({ start, end, value: { kind: "asked" } });
  }
  const values = reading.statements.flatMap(({ targets, fields }) => [...targets, ...fields]);
  for (const { source } of reading.cluster ? [reading.cluster, ...values] : values) {
    if (source.kind === "said") {
      const { start, end } = source;
      marks.push({ start, end, value: { kind: "said", source } });
    }
  }
  return marks;
}
