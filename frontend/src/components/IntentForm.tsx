import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";

import { useEdit, useSettable } from "../api/queries";
import type { Declaration, IntentField, IntentGuest } from "../api/types";
import { asText, type FieldSchema, grouped } from "../lib/fields";
import { Field } from "./Field";
import { FieldForm } from "./FieldForm";
import classes from "./IntentForm.module.css";
import { Loaded } from "./Loaded";
import { Panel } from "./Panel";
import { ProblemNotice } from "./ProblemNotice";

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
  const adding = waits && open !== null && (open === ANOTHER || open in FURTHER) ? open : null;
  return (
    <>
      <dl>
        {guest.fields.map((field) =>
          open === field.field && waits ? (
            <div key={field.field}>
              <dt className="visually-hidden">{field.label}</dt>
              <dd>
                <SaidField {...{ declaration, guest, asOf, field }} onClose={close} />
              </dd>
            </div>
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
              {field.whole !== null && (
                <LeaveOut
                  declaration={declaration}
                  guest={guest}
                  whole={field.whole}
                  label={field.label}
                  waits={waits}
                />
              )}
            </Field>
          ),
        )}
      </dl>
      {adding === ANOTHER ? (
        <AnotherField {...{ declaration, guest, asOf }} onClose={close} />
      ) : adding !== null ? (
        <Further {...{ declaration, guest, asOf }} of={adding} onClose={close} />
      ) : (
        <div className={classes.buttons}>
          <Button
            variant="default"
            size="compact-sm"
            disabled={!waits}
            aria-label={`Set another field of ${guest.name}`}
            onClick={() => setOpen(ANOTHER)}
          >
            Set another field…
          </Button>
          {Object.entries(FURTHER).map(([of, name]) => (
            <Button
              key={of}
              variant="default"
              size="compact-sm"
              disabled={!waits}
              aria-label={`Add ${name(guest)} to ${guest.name}`}
              onClick={() => setOpen(of)}
            >
              Add {name(guest)}…
            </Button>
          ))}
        </div>
      )}
      {guest.exists && (
        <p className="soft small">
          What is left out here stays as it is on the cluster. To remove a disk or NIC, or to move
          the guest, declare it in words.
        </p>
      )}
    </>
  );
}

/** No field's key. */
const ANOTHER = "";
/** What can be added, by how its key begins. */
const FURTHER: Record<string, (guest: IntentGuest) => string> = {
  "disk.": ({ kind }) => (kind === "lxc" ? "a mount point" : "a disk"),
  "nic.": () => "a network card",
};

interface LeaveOutProps {
  declaration: string;
  guest: IntentGuest;
  /** The disk or NIC. */
  whole: string;
  label: string;
  waits: boolean;
}

/** Leaves a disk or NIC out of the declaration. */
function LeaveOut({ declaration, guest, whole, label, waits }: LeaveOutProps) {
  const edit = useEdit(declaration);
  return (
    <>
      <Button
        variant="subtle"
        size="compact-xs"
        disabled={!waits}
        loading={edit.isPending}
        aria-label={`Leave out ${label.replace(/ \S+$/, "")} of ${guest.name}`}
        onClick={() => edit.mutate({ guest: guest.id, field: whole, value: null })}
      >
        Leave out
      </Button>
      {edit.error && <ProblemNotice problem={edit.error} />}
    </>
  );
}

interface AnotherProps {
  declaration: string;
  guest: IntentGuest;
  asOf: string;
  onClose: () => void;
}

/** The fields of which the cluster shows what they can be. */
const CHOSEN = /^(image|node|cdrom|disk\..*\.import)$/;

/** A field of which something was declared; where the cluster shows what it can be, to choose from that. */
function SaidField({ field, asOf, ...props }: AnotherProps & { field: IntentField }) {
  const { declaration, guest } = props;
  const isChosen = CHOSEN.test(field.field);
  const settable = useSettable(declaration, guest.id, asOf, isChosen);
  if (!isChosen) return <FieldForm {...props} field={field} />;
  return (
    <Loaded query={settable} lines={2}>
      {(fields) => {
        const schema = fields.find((offered) => offered.field === field.field)?.schema;
        return <FieldForm {...props} field={{ ...field, schema: schema ?? field.schema }} />;
      }}
    </Loaded>
  );
}

/** The next disk or NIC that the guest could be given. */
function Further({ of, ...props }: AnotherProps & { of: string }) {
  const { declaration, guest, asOf, onClose } = props;
  const settable = useSettable(declaration, guest.id, asOf);
  return (
    <Loaded query={settable} lines={2}>
      {(fields) => {
        const next = fields.find((field) => field.field.startsWith(of) && isWhole(field));
        return next ? (
          <FieldForm declaration={declaration} guest={guest} field={next} onClose={onClose} />
        ) : (
          <p role="status">{guest.name} has room for no more.</p>
        );
      }}
    </Loaded>
  );
}

const isWhole = ({ schema }: { schema: unknown }) => (schema as FieldSchema).type === "object";

/** A field of which nothing was declared: first which one, then its value. */
function AnotherField({ declaration, guest, asOf, onClose }: AnotherProps) {
  const settable = useSettable(declaration, guest.id, asOf);
  const [chosen, setChosen] = useState("");
  return (
    <Loaded query={settable} lines={2}>
      {(fields) => {
        const field = fields.find(({ field }) => field === chosen);
        const isSaid = (of: string) => guest.fields.some(({ field }) => field === of);
        const others = fields.filter((field) => !isWhole(field) && !isSaid(field.field));
        return (
          <div className={classes.another}>
            <NativeSelect
              label={`Another field of ${guest.name}`}
              autoFocus
              value={chosen}
              data={[{ value: "", label: "Choose a field" }, ...grouped(others)]}
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
