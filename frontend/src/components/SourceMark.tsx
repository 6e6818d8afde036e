import type { Source } from "../api/types";
import { useHighlight } from "./highlight";
import classes from "./SourceMark.module.css";

/** Where a value comes from: the words said, a default, what it was inferred from, an answer or a form. */
export function SourceMark({ source }: { source: Source }) {
  const { point } = useHighlight();
  return (
    <span className={classes.source} data-kind={source.kind}>
      <span className={classes.kind}>{source.kind}</span>{" "}
      {source.kind === "said" ? (
        <button
          type="button"
          className={`${classes.words} voice`}
          aria-label={`Show the words “${source.text}” in the declaration`}
          onClick={() => point(source)}
        >
          “{source.text}”
        </button>
      ) : (
        <Other source={source} />
      )}
    </span>
  );
}

function Other({ source }: { source: Exclude<Source, { kind: "said" }> }) {
  switch (source.kind) {
    case "set":
      return `in the form by ${source.by} (edit ${source.edit})`;
    case "answered":
      return <span className="voice">“{source.answer}”</span>;
    case "default":
    case "inferred":
      return source.why;
  }
}
