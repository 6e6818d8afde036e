import { useState } from "react";

import { useEdit } from "../api/queries";
import { asText, type FieldSchema, fromText, hint, options } from "../lib/fields";
import { EditForm } from "./EditForm";
import { FieldInput } from "./FieldInput";
import { ProblemNotice } from "./ProblemNotice";
import { WholeForm } from "./WholeForm";

/** What is set, of which guest, and what happens then. */
export interface FieldFormProps {
  declaration: string;
  guest: { id: string; name: string };
  field: { field: string; label: string; value: unknown; schema: unknown };
  onClose: () => void;
}

/** A field of a guest, or a whole disk or NIC, to be set. What is refused is said beside it; nothing is broken then. */
export function FieldForm(props: FieldFormProps) {
  const { type } = props.field.schema as FieldSchema;
  return type === "object" ? <WholeForm {...props} /> : <OneField {...props} />;
}

function OneField({ declaration, guest, field, onClose }: FieldFormProps) {
  const schema = field.schema as FieldSchema;
  const choices = options(schema);
  const [text, setText] = useState(() => {
    const now = asText(field.value);
    return choices?.every(({ value }) => value !== now) ? (choices[0]?.value ?? now) : now;
  });
  const edit = useEdit(declaration);
  const refused = edit.error?.refused ?? false;
  return (
    <EditForm
      onSet={() =>
        edit.mutate(
          { guest: guest.id, field: field.field, value: fromText(text, schema) },
          { onSuccess: onClose },
        )
      }
      onClose={onClose}
      isPending={edit.isPending}
    >
      {edit.error && !refused && <ProblemNotice problem={edit.error} />}
      <FieldInput
        schema={schema}
        label={`${field.label} of ${guest.name}`}
        description={hint(schema)}
        error={refused ? (edit.error?.field("value") ?? edit.error?.message) : undefined}
        value={text}
        onChange={setText}
        autoFocus
      />
    </EditForm>
  );
}
