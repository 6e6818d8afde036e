import { Button } from "@mantine/core";
import { useState } from "react";

import { useTakeBack } from "../api/queries";
import type { Declaration, Edit } from "../api/types";
import { asText } from "../lib/fields";
import { FieldForm } from "./FieldForm";
import classes from "./Edits.module.css";
import { ProblemNotice } from "./ProblemNotice";
import { Time } from "./Time";

/** What was set in the form, by whom: a part of the declaration's record for good, also where it was taken back. */
export function Edits({ declaration }: { declaration: Declaration }) {
  const { id, edits, status, reconciliation, reading } = declaration;
  const asked = (reading?.questions ?? [])
    .filter(({ answer }) => answer === null)
    .flatMap((question) => question.edits);
  const takeBack = useTakeBack(id);
  const [open, setOpen] = useState<number | null>(null);
  const editable =
    reconciliation === null && (status === "awaiting_approval" || status === "needs_answer");
  return (
    <>
      <ul className={classes.edits} aria-label="Set in the form">
        {edits.map((edit) => (
          <li key={edit.number}>
            <Told edit={edit} asked={asked.includes(edit.number)} />
            {editable && edit.taken_back_by === null && (
              <span className={classes.buttons}>
                {edit.state === "waits" && edit.schema !== null && open !== edit.number && (
                  <Button
                    variant="default"
                    size="compact-xs"
                    aria-label={`Set another value of edit ${edit.number}: ${named(edit)}`}
                    onClick={() => setOpen(edit.number)}
                  >
                    Set another value…
                  </Button>
                )}
                <Button
                  variant="default"
                  size="compact-xs"
                  loading={takeBack.isPending && takeBack.variables === edit.number}
                  aria-label={`Take back edit ${edit.number}: ${named(edit)}`}
                  onClick={() => takeBack.mutate(edit.number)}
                >
                  Take back
                </Button>
              </span>
            )}
            {editable && open === edit.number && (
              <FieldForm
                declaration={id}
                guest={{ id: edit.guest, name: guestOf(edit) }}
                field={{ ...edit, value: edit.to }}
                onClose={() => setOpen(null)}
              />
            )}
          </li>
        ))}
      </ul>
      <Refused problem={takeBack.error} />
    </>
  );
}

/** The edits that a question comes from. Taken back, they leave it unasked. */
export function FromForm({ declaration, edits }: { declaration: string; edits: Edit[] }) {
  const takeBack = useTakeBack(declaration);
  if (edits.length === 0) return null;
  return (
    <>
      <p className="soft small">
        This comes from the form. Answer it, set another value below, or take back what was set:
      </p>
      <div className={classes.buttons}>
        {edits.map((edit) => (
          <Button
            key={edit.number}
            variant="default"
            size="xs"
            loading={takeBack.isPending && takeBack.variables === edit.number}
            onClick={() => takeBack.mutate(edit.number)}
          >
            Take back edit {edit.number}: {named(edit)} to {shown(edit.to)}
          </Button>
        ))}
      </div>
      <Refused problem={takeBack.error} />
    </>
  );
}

/** An edit and how it stands; what holds no more is not told as if it did. */
function Told({ edit, asked }: { edit: Edit; asked: boolean }) {
  const { number, from, to, by, at, state, taken_back_by, taken_back_at } = edit;
  const text = `${named(edit)} ${from === null ? "" : `from ${shown(from)} `}to ${shown(to)}`;
  const holds = state === "holds" || state === "waits";
  return (
    <span className="soft small">
      Edit {number}: {holds ? text : <s>{text}</s>}, by {by}, <Time iso={at} />
      {state === "waits" && (asked ? " · a question about it is open" : " · not planned yet")}
      {state === "replaced" && " · set anew later"}
      {state === "answered" && " · an answer holds in its place"}
      {taken_back_by !== null && ` · taken back by ${taken_back_by}, `}
      {taken_back_at !== null && <Time iso={taken_back_at} />}
    </span>
  );
}

function Refused({ problem }: { problem: ReturnType<typeof useTakeBack>["error"] }) {
  if (!problem) return null;
  return problem.refused ? (
    <p className={classes.refused} role="alert">
      {problem.message}
    </p>
  ) : (
    <ProblemNotice problem={problem} />
  );
}

const guestOf = (edit: Edit) => edit.guest_name || edit.guest;
const named = (edit: Edit) => `${edit.label} of ${guestOf(edit)}`;
const shown = (value: unknown) => asText(value) || "none";
