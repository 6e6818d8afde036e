import { Button } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";

import type { Problem } from "../api/problem";
import { usePreview } from "../api/queries";
import type { Reading } from "../api/types";
import { count } from "../lib/format";
import { ago } from "../lib/time";
import { DeclaredText } from "./DeclaredText";
import { HighlightProvider, useHighlightState } from "./highlight";
import { Notice } from "./Notice";
import { Panel } from "./Panel";
import classes from "./Preview.module.css";
import { ProblemNotice } from "./ProblemNotice";
import { ReadingView } from "./ReadingView";

/** As long as a short rest of the hands, in ms: a reading for every word, not for every letter. */
const PAUSE = 350;

/** What is understood of a text while somebody types it. Nothing is declared, and nothing planned. */
export function Preview({ content }: { content: string }) {
  const [typed] = useDebouncedValue(content, PAUSE);
  const preview = usePreview(typed);
  const highlight = useHighlightState();
  const { data, error } = preview;
  return (
    <Panel title="Understood so far">
      <div className={classes.preview} aria-busy={preview.isFetching || typed !== content}>
        {error && <NotRead problem={error} retry={() => preview.refetch()} />}
        {data && (
          <HighlightProvider value={highlight}>
            <DeclaredText content={data.content} reading={data.reading} />
            <Understood reading={data.reading} />
            <p className="soft small">
              For cluster {data.cluster}, as seen {ago(data.age_seconds)}. Nothing is planned yet.
            </p>
          </HighlightProvider>
        )}
      </div>
    </Panel>
  );
}

/** Reading keeps nothing, so that a try that fails is no trouble: it says what is missing, and is tried again. */
function NotRead({ problem, retry }: { problem: Problem; retry: () => unknown }) {
  if (!problem.unreachable) return <ProblemNotice problem={problem} retry={retry} />;
  return (
    <Notice tone="neutral" title="It cannot be read just now" role="status">
      <p>MycoPod’s server does not answer. What you typed stays here; nothing was declared.</p>
      <Button variant="default" size="xs" onClick={retry}>
        Try again
      </Button>
    </Notice>
  );
}

function Understood({ reading }: { reading: Reading }) {
  const { refusal, questions, statements } = reading;
  if (refusal !== null) {
    return (
      <Notice tone="warn" title="This is no declaration">
        <p>{refusal}</p>
      </Notice>
    );
  }
  return (
    <>
      {statements.length > 0 && <ReadingView reading={reading} />}
      {questions.length > 0 && (
        <>
          <h3>{count(questions.length, "question")} would be asked</h3>
          <ul className={classes.questions}>
            {questions.map(({ id, text, options }) => (
              <li key={id}>
                {text}
                {options.length > 0 && <p className="soft small">{options.join(" · ")}</p>}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
