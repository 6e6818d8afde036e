import { NativeSelect, Textarea, TextInput } from "@mantine/core";

import { type FieldSchema, isLong, options } from "../lib/fields";

interface Props {
  schema: FieldSchema;
  label: string;
  description: string;
  error: string | undefined;
  value: string;
  onChange: (text: string) => void;
  autoFocus?: boolean;
  /** It can stay empty. */
  optional?: boolean;
}

/** A value of a field, to be typed or chosen as its schema has it. */
export function FieldInput({ schema, onChange, autoFocus, optional = false, ...shared }: Props) {
  const choices = options(schema);
  const focus = autoFocus ? { "data-autofocus": true, autoFocus: true } : {};
  const typed = { ...shared, ...focus, autoComplete: "off", spellCheck: false };
  if (choices) {
    return (
      <NativeSelect
        {...shared}
        {...focus}
        data={optional ? [{ value: "", label: "not said" }, ...choices] : choices}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return isLong(schema) ? (
    <Textarea {...typed} rows={4} onChange={(event) => onChange(event.currentTarget.value)} />
  ) : (
    <TextInput {...typed} onChange={(event) => onChange(event.currentTarget.value)} />
  );
}
