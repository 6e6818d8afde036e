import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";

import { useSettable } from "../api/queries";
import type { Declaration, IntentGuest } from "../api/types";
import { asText, grouped } from "../lib/fields";
import { Field } from "./Field";
import { FieldForm } from "./FieldForm";
import classes from "./IntentForm.module.css";
import { Loaded } from "./Loaded";
import { Panel } from "./Panel";

/**
 * Every field that a declaration decides, each to be set, and others besides. While it is planned again the fields stay
 * where they are, and nothing can be set.
 */
export function IntentForm({ declaration }: { declaration: Declaration }) {
  const { id, intent, status, reconciliation, updated_at } = declaration;
  const [known, setKnown] = useState(intent);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  if (intent !== null && intent !== known) setKnown(intent);

  const waits = status === "awaiting_approval";
  const guests = waits || status === "reading" ? (known ?? []) : [];
  if (reconciliation !== null || guests.length === 0) return null;
  const toggle = (guest: string, isOpen: boolean) => {
    if (open.has(guest) === isOpen) return;
    const others = [...open].filter((other) => other !== guest);
    setOpen(new Set(isOpen ? [...others, guest] : others));
  };
  return (
    <Panel title="Set a field">
      <div className={classes.guests}>
        {guests.map((guest) => (
          <details
            key={guest.id}
            className={classes.guest}
            open={open.has(guest.id)}
            onToggle={(event) => toggle(guest.id, event.currentTarget.open)}
          >
            <summary>
              <strong>{guest.name}</strong>{" "}
              <span className="soft small">{guest.exists ? "exists" : "to be made"}</span>
            </summary>
            <Fields declaration={id} guest={guest} waits={waits} asOf={updated_at} />
          </details>
        ))}
      </div>
    </Panel>
  );
}

interface FieldsProps {
  declaration: string;
  guest: IntentGuest;
  /** Whether something can be set now. */
  waits: boolean;
  /** When the declaration last changed. */
  asOf: string;
}

function Fields({ declaration, guest, waits, asOf }: FieldsProps) {
  const [open, setOpen] = useState<string | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      <dl>
        {guest.fields.map((field) =>
          open === field.field && waits ? (
            <FieldForm
              key={field.field}
              declaration={declaration}
              guest={guest}
              field={field}
              onClose={close}
            />
          ) : (
            <Field key={field.field} label={field.label} source={field.source}>
              {asText(field.value) || "none"}
              {field.schema !== null && (
                <Button
                  variant="subtle"
                  size="compact-xs"
                  disabled={!waits}
                  aria-label={`Set ${field.label} of ${guest.name}`}
                  onClick={() => setOpen(field.field)}
                >
                  Set…
                </Button>
              )}
            </Field>
          ),
        )}
      </dl>
      {open === ANOTHER && waits ? (
        <AnotherField declaration={declaration} guest={guest} asOf={asOf} onClose={close} />
      ) : (
        <Button
          variant="default"
          size="compact-sm"
          disabled={!waits}
          aria-label={`Set another field of ${guest.name}`}
          onClick={() => setOpen(ANOTHER)}
        >
          Set another field…
        </Button>
      )}
      <p className="soft small">
        {guest.exists
          ? "A further disk or NIC, and a move to another node, are declared in words."
          : "A guest of another kind or made from another image, and a further disk or NIC, are declared anew."}
      </p>
    </>
  );
}

/** No field's key. */
const ANOTHER = "";

interface AnotherProps {
  declaration: string;
  guest: IntentGuest;
  asOf: string;
  onClose: () => void;
}

/** A field of which nothing was declared: first which one, then its value. */
function AnotherField({ declaration, guest, asOf, onClose }: AnotherProps) {
  const settable = useSettable(declaration, guest.id, asOf);
  const [chosen, setChosen] = useState("");
  return (
    <Loaded query={settable} lines={2}>
      {(fields) => {
        const field = fields.find(({ field }) => field === chosen);
        return (
          <div className={classes.another}>
            <NativeSelect
              label={`Another field of ${guest.name}`}
              autoFocus
              value={chosen}
              data={[{ value: "", label: "Choose a field" }, ...grouped(fields)]}
              onChange={(event) => setChosen(event.currentTarget.value)}
            />
            {field ? (
              <FieldForm
                key={chosen}
                declaration={declaration}
                guest={guest}
                field={field}
                onClose={onClose}
              />
            ) : (
              <div className={classes.buttons}>
                <Button variant="default" size="xs" onClick={onClose}>
                  Cancel
                </Button>
              </div>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}
