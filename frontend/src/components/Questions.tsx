import { Button, TextInput } from "@mantine/core";
import { useState } from "react";

import { useAnswer } from "../api/queries";
import type { Edit, Question } from "../api/types";
import { FromForm } from "./Edits";
import { ProblemNotice } from "./ProblemNotice";
import classes from "./Questions.module.css";

interface Props {
  declaration: string;
  questions: Question[];
  /** What was set in the form, which a question may come from. */
  edits: Edit[];
}

/** The reader's open questions: an option clicked or a text typed is the answer. */
export function Questions({ declaration, questions, edits }: Props) {
  const answer = useAnswer(declaration);
  const [answers, setAnswers] = useState<Record<string, string>>({});
  const open = questions.filter((question) => question.answer === null);
  const answered = questions.filter((question) => question.answer !== null);
  const given = open.flatMap(({ id }) => {
    const text = answers[id]?.trim();
    return text ? [{ question: id, answer: text }] : [];
  });

  return (
    <>
      {answered.length > 0 && (
        <ul className={classes.answered}>
          {answered.map((question) => (
            <li key={question.id}>
              {question.text} <strong className="voice">{question.answer}</strong>
            </li>
          ))}
        </ul>
      )}
      {open.length > 0 && (
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            answer.mutate(given);
          }}
        >
          {answer.error && <ProblemNotice problem={answer.error} />}
          {open.map((question) => (
            <fieldset key={question.id} className={classes.question}>
              <legend>{question.text}</legend>
              <FromForm
                declaration={declaration}
                edits={edits.filter(({ number }) => question.edits.includes(number))}
              />
              {question.options.length > 0 && (
                <div className={classes.options}>
                  {question.options.map((option) => (
                    <Button
                      key={option}
                      size="xs"
                      variant={answers[question.id] === option ? "filled" : "default"}
                      aria-pressed={answers[question.id] === option}
                      onClick={() => setAnswers({ ...answers, [question.id]: option })}
                    >
                      {option}
                    </Button>
                  ))}
                </div>
              )}
              <TextInput
                aria-label={`Your own answer to: ${question.text}`}
                placeholder={question.options.length > 0 ? "or in your own words" : "Your answer"}
                value={answers[question.id] ?? ""}
                onChange={(event) =>
                  setAnswers({ ...answers, [question.id]: event.currentTarget.value })
                }
              />
            </fieldset>
          ))}
          <Button
            type="submit"
            loading={answer.isPending}
            disabled={given.length < open.length}
            className={classes.submit}
          >
            {open.length === 1 ? "Answer" : "Answer all"}
          </Button>
        </form>
      )}
    </>
  );
}
