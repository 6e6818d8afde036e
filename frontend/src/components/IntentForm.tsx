import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";

import { useEdit } from "../api/queries";
import type { Declaration, IntentField, IntentGuest } from "../api/types";
import { asText, type FieldSchema, fromText, options } from "../lib/fields";
import { Field } from "./Field";
import classes from "./IntentForm.module.css";
import { ProblemNotice } from "./ProblemNotice";
import { Time } from "./Time";

/** Every field that a declaration decides, each to be set. */
export function IntentForm({ declaration }: { declaration: Declaration }) {
  const { id, intent } = declaration;
  const [open, setOpen] = useState<string | null>(null);
  return (
    <div className={classes.guests}>
      {(intent ?? []).map((guest) => (
        <details key={guest.id} className={classes.guest}>
          <summary>
            <strong>{guest.name}</strong>{" "}
            <span className="soft small">{guest.exists ? "exists" : "to be made"}</span>
          </summary>
          <dl>
            {guest.fields.map((field) => {
              const key = `${guest.id} ${field.field}`;
              return open === key ? (
                <FieldForm
                  key={field.field}
                  declaration={id}
                  guest={guest}
                  field={field}
                  onClose={() => setOpen(null)}
                />
              ) : (
                <Field key={field.field} label={field.label} source={field.source}>
                  {asText(field.value)}
                  {field.schema !== null && (
                    <Button
                      variant="subtle"
                      size="compact-xs"
                      aria-label={`Set ${field.label} of ${guest.name}`}
                      onClick={() => setOpen(key)}
                    >
                      Set…
                    </Button>
                  )}
                </Field>
              );
            })}
          </dl>
        </details>
      ))}
    </div>
  );
}

interface FieldFormProps {
  declaration: string;
  guest: IntentGuest;
  field: IntentField;
  onClose: () => void;
}

function FieldForm({ declaration, guest, field, onClose }: FieldFormProps) {
  const schema = field.schema as FieldSchema;
  const [text, setText] = useState(asText(field.value));
  const edit = useEdit(declaration);
  const choices = options(schema);
  const shared = {
    label: `${field.label} of ${guest.name}`,
    description: schema.description,
    error: edit.error?.field("value"),
    "data-autofocus": true,
    autoFocus: true,
  };
  return (
    <form
      className={classes.field}
      onSubmit={(event) => {
        event.preventDefault();
        edit.mutate(
          { guest: guest.id, field: field.field, value: fromText(text, schema) },
          { onSuccess: onClose },
        );
      }}
    >
      {edit.error && <ProblemNotice problem={edit.error} />}
      {choices ? (
        <NativeSelect
          {...shared}
          value={text}
          data={choices}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          {...shared}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      <div className={classes.buttons}>
        <Button type="submit" size="xs" loading={edit.isPending}>
          Set and plan again
        </Button>
        <Button variant="default" size="xs" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

/** What was set in the form, by whom: a part of the declaration's record for good. */
export function Edits({ declaration }: { declaration: Declaration }) {
  const { edits, intent } = declaration;
  const name = (id: string) => intent?.find((guest) => guest.id === id)?.name ?? id;
  const shown = (value: unknown) => asText(value) || "none";
  return (
    <ul className="soft small" aria-label="Set in the form">
      {edits.map(({ guest, label, from, to, by, at }) => (
        <li key={`${at} ${label}`}>
          {label} of {name(guest)} {from !== null && `from ${shown(from)} `}to {shown(to)}, by {by},{" "}
          <Time iso={at} />
        </li>
      ))}
    </ul>
  );
}
