import { Button, Textarea } from "@mantine/core";
import { useRef } from "react";
import { useNavigate } from "react-router";

import { useDeclare } from "../api/queries";
import { useUser } from "../api/session";
import { Page } from "../components/Page";
import { Preview } from "../components/Preview";
import { Panel } from "../components/Panel";
import { ProblemNotice } from "../components/ProblemNotice";
import { useDraft } from "../lib/draft";
import { isIntent } from "../lib/intent";
import { countCodePoints } from "../lib/spans";
import classes from "./NewDeclaration.module.css";

/** The server's limits, in code points: of words, and of a typed intent. */
const MAX_WORDS = 4_000;
const MAX_INTENT = 24_000;
/** With so much room or less, it is shown. */
const LITTLE_ROOM = 500;

const EXAMPLES = [
  "Create a VM called web-1 with 2 cores, 4 GB RAM and a 20 GB disk",
  "Three VMs worker-1 to worker-3 from debian-12, 4 cores and 8 GB of memory each, tagged batch",
  "Create a container dns-1 from Alpine with 512 MB RAM, a 4 GB disk and DHCP",
  "Double the memory of web-1",
  "Start all guests tagged batch",
  "Delete worker-3",
];

/** Puts a text in the place of what a field holds as if it were typed, so that the browser can undo it. */
function typeInto(field: HTMLTextAreaElement, text: string): boolean {
  field.focus();
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated, @typescript-eslint/no-unnecessary-condition -- undo knows of nothing else, and not every DOM has it
  return document.execCommand?.("insertText", false, text) ?? false;
}

export default function NewDeclaration() {
  const field = useRef<HTMLTextAreaElement>(null);
  const navigate = useNavigate();
  const user = useUser();
  const [content, setContent] = useDraft(user.sub);
  const declare = useDeclare();
  const most = isIntent(content) ? MAX_INTENT : MAX_WORDS;
  const room = most - countCodePoints(content);
  const sendable = content.trim() !== "" && room >= 0 && user.approved;

  const submit = () => {
    if (!sendable || declare.isPending) return;
    declare.mutate(content, {
      onSuccess: ({ id }) => {
        setContent("");
        void navigate(`/declarations/${id}`);
      },
    });
  };

  return (
    <Page title="New declaration">
      <div className={classes.columns}>
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <Textarea
            ref={field}
            classNames={{ input: isIntent(content) ? classes.intent : classes.text }}
            label="What should there be on the cluster?"
            description="In your own words, one guest or many. Nothing is changed before an Admin has confirmed the plan."
            rows={7}
            data-autofocus
            value={content}
            error={
              room < 0
                ? `${-room} characters too long; ${most} fit.`
                : declare.error?.field("content")
            }
            onChange={(event) => setContent(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
            }}
          />
          {room >= 0 && room < LITTLE_ROOM && (
            <p className="soft small">Room for {room} more characters.</p>
          )}
          {declare.error && declare.error.field("content") === undefined && (
            <ProblemNotice problem={declare.error} />
          )}
          <div className={classes.submit}>
            <Button type="submit" disabled={!sendable} loading={declare.isPending}>
              Read and plan
            </Button>
            <span className="soft small">or Ctrl + Enter</span>
          </div>
        </form>
        {sendable ? (
          <Preview content={content} />
        ) : (
          <Panel title="Examples">
            <ul className={classes.examples}>
              {EXAMPLES.map((example) => (
                <li key={example}>
                  <button
                    type="button"
                    className="voice"
                    onClick={() => {
                      if (!field.current || !typeInto(field.current, example)) setContent(example);
                    }}
                  >
                    {example}
                  </button>
                </li>
              ))}
            </ul>
          </Panel>
        )}
      </div>
    </Page>
  );
}
