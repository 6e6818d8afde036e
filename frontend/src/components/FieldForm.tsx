import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";

import { useEdit } from "../api/queries";
import { asText, type FieldSchema, fromText, hint, isLong, options } from "../lib/fields";
import classes from "./IntentForm.module.css";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  declaration: string;
  guest: { id: string; name: string };
  field: { field: string; label: string; value: unknown; schema: unknown };
  onClose: () => void;
}

/** One field of a guest, to be set. What is refused is said beside it; nothing is broken then. */
export function FieldForm({ declaration, guest, field, onClose }: Props) {
  const schema = field.schema as FieldSchema;
  const choices = options(schema);
  const [text, setText] = useState(() => {
    const now = asText(field.value);
    return choices?.every(({ value }) => value !== now) ? (choices[0]?.value ?? now) : now;
  });
  const edit = useEdit(declaration);
  const refused = edit.error?.refused ?? false;
  const shared = {
    label: `${field.label} of ${guest.name}`,
    description: hint(schema),
    error: refused ? (edit.error?.field("value") ?? edit.error?.message) : undefined,
    value: text,
    "data-autofocus": true,
    autoFocus: true,
  };
  const typed = { ...shared, autoComplete: "off", spellCheck: false };
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
      {edit.error && !refused && <ProblemNotice problem={edit.error} />}
      {choices ? (
        <NativeSelect
          {...shared}
          data={choices}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : isLong(schema) ? (
        <Textarea {...typed} rows={4} onChange={(event) => setText(event.currentTarget.value)} />
      ) : (
        <TextInput {...typed} onChange={(event) => setText(event.currentTarget.value)} />
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
