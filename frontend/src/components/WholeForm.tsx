import { useState } from "react";

import { useEdit } from "../api/queries";
import { asText, type FieldSchema, options, type Part, parts, wholeOf } from "../lib/fields";
import { EditForm } from "./EditForm";
import { FieldInput } from "./FieldInput";
import type { FieldFormProps } from "./FieldForm";
import classes from "./IntentForm.module.css";
import { ProblemNotice } from "./ProblemNotice";

/** A whole disk or NIC, part by part. What is refused is said beside its part. */
export function WholeForm({ declaration, guest, field, onClose }: FieldFormProps) {
  const schema = field.schema as FieldSchema;
  const all = parts(schema);
  const [texts, setTexts] = useState(() => typedBefore(field.value, all));
  const edit = useEdit(declaration);
  const refusal = (name: string) => edit.error?.field(`value.${name}`);
  const elsewhere = all.some(({ name }) => refusal(name) !== undefined) ? null : edit.error;
  const input = ({ name, schema, optional }: Part, at: number) => (
    <FieldInput
      key={name}
      schema={schema}
      label={labelOf(name, schema)}
      description={options(schema) ? "" : (schema.description ?? "").replace(/^.*?: /, "")}
      error={refusal(name)}
      value={texts[name] ?? ""}
      onChange={(text) => setTexts({ ...texts, [name]: text })}
      optional={optional}
      autoFocus={at === 0}
    />
  );
  const rare = all.filter((part) => part.rare);
  return (
    <EditForm
      onSet={() =>
        edit.mutate(
          { guest: guest.id, field: field.field, value: wholeOf(texts, schema) },
          { onSuccess: onClose },
        )
      }
      onClose={onClose}
      isPending={edit.isPending}
    >
      {elsewhere && <ProblemNotice problem={elsewhere} />}
      <fieldset className={classes.whole}>
        <legend>
          {field.label} of {guest.name}
        </legend>
        <div className={classes.parts}>{all.filter((part) => !part.rare).map(input)}</div>
        {rare.length > 0 && (
          <details open={rare.some(({ name }) => refusal(name) !== undefined) || undefined}>
            <summary>More</summary>
            <div className={classes.parts}>{rare.map((part) => input(part, -1))}</div>
          </details>
        )}
      </fieldset>
    </EditForm>
  );
}

/** What each part was before, as somebody would type it; what must be chosen is the first to choose from. */
function typedBefore(value: unknown, all: Part[]): Record<string, string> {
  const before = (value ?? {}) as Record<string, unknown>;
  const text = ({ name, schema, optional }: Part) =>
    asText(before[name]) || (optional ? "" : (options(schema)?.[0]?.value ?? ""));
  return Object.fromEntries(all.map((part) => [part.name, text(part)]));
}

function labelOf(name: string, { title = name }: FieldSchema): string {
  return title.charAt(0).toUpperCase() + title.slice(1);
}
