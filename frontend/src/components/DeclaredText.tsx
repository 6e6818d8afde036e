import { useEffect, useRef } from "react";

import type { Reading } from "../api/types";
import { type Mark, segments } from "../lib/spans";
import classes from "./DeclaredText.module.css";
import { useHighlight } from "./highlight";

type Kind = "said" | "unread" | "asked" | "active";

interface Props {
  content: string;
  reading: Reading | null;
}

/** The declaration as it was typed, with the words marked that were read, asked about, or left over. */
export function DeclaredText({ content, reading }: Props) {
  const { span } = useHighlight();
  const active = useRef<HTMLElement>(null);
  const marks = reading ? readingMarks(reading) : [];
  if (span) marks.push({ ...span, value: "active" });

  useEffect(() => {
    active.current?.scrollIntoView({ block: "nearest" });
  }, [span]);

  return (
    <>
      <p className={`${classes.text} voice`} data-testid="declared">
        {segments(content, marks).map(({ text, start, marks: kinds }) => {
          if (kinds.length === 0) return text;
          const unread = kinds.includes("unread");
          return (
            <mark
              key={start}
              ref={kinds.includes("active") ? active : undefined}
              data-marks={kinds.join(" ")}
            >
              {text}
              {unread && <span className="visually-hidden"> (not understood)</span>}
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
    </>
  );
}

function readingMarks(reading: Reading): Mark<Kind>[] {
  const marks: Mark<Kind>[] = reading.unread.map((span) => ({ ...span, value: "unread" }));
  for (const { start, end } of reading.questions) {
    if (start !== null && end !== null) marks.push({ start, end, value: "asked" });
  }
  if (reading.cluster?.source.kind === "said") {
    marks.push({ ...reading.cluster.source, value: "said" });
  }
  for (const statement of reading.statements) {
    for (const { source } of [...statement.targets, ...statement.fields]) {
      if (source.kind === "said") marks.push({ ...source, value: "said" });
    }
  }
  return marks;
}
