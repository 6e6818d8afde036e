import { Button, Modal, NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Problem } from "../api/problem";
import { useAddCluster, useChangeCluster } from "../api/queries";
import type { ClusterLine, ClusterTest } from "../api/types";
import { ClusterTestNotice } from "./ClusterTestNotice";
import classes from "./Form.module.css";
import { ProblemNotice } from "./ProblemNotice";

type Login = "token" | "user";
type Trust = "system" | "ca" | "pin";

/** How a cluster is reached, as it is typed. */
interface Draft {
  name: string;
  urls: string;
  login: Login;
  token: string;
  user: string;
  password: string;
  trust: Trust;
  ca: string;
  pin: string;
  pool: string;
}

const EMPTY: Draft = {
  name: "",
  urls: "",
  login: "token",
  token: "",
  user: "",
  password: "",
  trust: "ca",
  ca: "",
  pin: "",
  pool: "",
};

/** What proves who we are there, in one way; nothing where nothing was typed. */
function login({ login, token, user, password }: Draft) {
  if (login === "token") return token === "" ? {} : { token };
  return password === "" ? {} : { user, password };
}

/** A certificate is known in one way; the others are told to be none. */
function trusted({ trust, ca, pin }: Draft) {
  return { ca: trust === "ca" ? ca : "", pin: trust === "pin" ? pin : "" };
}

function addresses(urls: string): string[] {
  return urls.split(/[\s,]+/).filter((url) => url !== "");
}

export function AddClusterDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title="Add a cluster">
      <AddForm onClose={onClose} />
    </Modal>
  );
}

function AddForm({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState(EMPTY);
  const add = useAddCluster();
  if (add.data) return <Done name={draft.name} test={add.data} onClose={onClose} />;
  return (
    <Fields
      draft={draft}
      onChange={setDraft}
      problem={add.error}
      pending={add.isPending}
      action="Test and add"
      onClose={onClose}
      onSubmit={() => {
        const { name, urls, pool } = draft;
        add.mutate({ name, urls: addresses(urls), pool, ...login(draft), ...trusted(draft) });
      }}
    />
  );
}

interface EditProps {
  cluster: ClusterLine | null;
  onClose: () => void;
}

export function EditClusterDialog({ cluster, onClose }: EditProps) {
  return (
    <Modal opened={cluster !== null} onClose={onClose} title={`Edit ${cluster?.name ?? ""}`}>
      {cluster && <EditForm cluster={cluster} onClose={onClose} />}
    </Modal>
  );
}

function EditForm({ cluster, onClose }: { cluster: ClusterLine; onClose: () => void }) {
  const { name, access } = cluster;
  const known: Draft = {
    ...EMPTY,
    name,
    urls: access?.urls.join("\n") ?? "",
    login: access?.authid.includes("!") === false ? "user" : "token",
    user: access?.authid.includes("!") === false ? access.authid : "",
    trust: (access?.trust ?? "system") as Trust,
    pin: access?.pin ?? "",
    pool: access?.pool ?? "",
  };
  const [draft, setDraft] = useState(known);
  const change = useChangeCluster();
  if (change.data) return <Done name={name} test={change.data} onClose={onClose} />;
  return (
    <Fields
      editing
      draft={draft}
      onChange={setDraft}
      problem={change.error}
      pending={change.isPending}
      action="Test and save"
      onClose={onClose}
      onSubmit={() => {
        // The authority is not shown again: one that is not given anew stays.
        const keepsTrust =
          draft.trust === known.trust && draft.pin === known.pin && draft.ca.trim() === "";
        change.mutate({
          name,
          urls: addresses(draft.urls),
          pool: draft.pool,
          ...login(draft),
          ...(!keepsTrust && trusted(draft)),
        });
      }}
    />
  );
}

function Done({ name, test, onClose }: { name: string; test: ClusterTest; onClose: () => void }) {
  return (
    <div className={classes.form}>
      <ClusterTestNotice name={name} test={test} />
      <div className={classes.buttons}>
        <Button data-autofocus autoFocus onClick={onClose}>
          Close
        </Button>
      </div>
    </div>
  );
}

const KEEPS = "Leave it empty to keep the one it has.";
const SEALED = "It is kept sealed and never shown again.";

interface FieldsProps {
  editing?: boolean;
  draft: Draft;
  onChange: (draft: Draft) => void;
  problem: Problem | null;
  pending: boolean;
  action: string;
  onClose: () => void;
  onSubmit: () => void;
}

function Fields({ editing, draft, onChange, problem, pending, action, ...on }: FieldsProps) {
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change });
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        on.onSubmit();
      }}
    >
      {problem && <ProblemNotice problem={problem} />}
      {!editing && (
        <TextInput
          label="Name"
          description="A short word for declarations: “on cluster lab”."
          required
          data-autofocus
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          maxLength={32}
          value={draft.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
      )}
      <Textarea
        label="Addresses of its API"
        description="One a line, each of a host that may be asked."
        placeholder="https://pve1.example.org:8006"
        required
        rows={2}
        spellCheck={false}
        value={draft.urls}
        onChange={(event) => set({ urls: event.currentTarget.value })}
      />
      <NativeSelect
        label="MycoPod logs in with"
        value={draft.login}
        onChange={(event) => set({ login: event.currentTarget.value as Login })}
        data={[
          { value: "token", label: "an API token" },
          { value: "user", label: "a user and the password" },
        ]}
      />
      {draft.login === "token" ? (
        <PasswordInput
          label="API token"
          description={editing ? KEEPS : `USER@REALM!NAME=SECRET. ${SEALED}`}
          required={!editing}
          autoComplete="off"
          value={draft.token}
          onChange={(event) => set({ token: event.currentTarget.value })}
        />
      ) : (
        <>
          <TextInput
            label="User"
            placeholder="root@pam"
            required
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={draft.user}
            onChange={(event) => set({ user: event.currentTarget.value })}
          />
          <PasswordInput
            label="Password"
            description={editing ? KEEPS : `An API token can be given less. ${SEALED}`}
            required={!editing}
            autoComplete="off"
            value={draft.password}
            onChange={(event) => set({ password: event.currentTarget.value })}
          />
        </>
      )}
      <NativeSelect
        label="Its certificate is known by"
        value={draft.trust}
        onChange={(event) => set({ trust: event.currentTarget.value as Trust })}
        data={[
          { value: "ca", label: "its own authority" },
          { value: "pin", label: "a fingerprint" },
          { value: "system", label: "the system’s authorities" },
        ]}
      />
      {draft.trust === "ca" && (
        <Textarea
          label="Certificate of its authority"
          description="A copy of /etc/pve/pve-root-ca.pem from one of its nodes."
          placeholder={
            editing ? "Leave it empty to keep the one it has" : "-----BEGIN CERTIFICATE-----"
          }
          required={!editing}
          rows={4}
          spellCheck={false}
          value={draft.ca}
          onChange={(event) => set({ ca: event.currentTarget.value })}
        />
      )}
      {draft.trust === "pin" && (
        <TextInput
          label="SHA-256 of its certificate or public key"
          required
          autoComplete="off"
          spellCheck={false}
          value={draft.pin}
          onChange={(event) => set({ pin: event.currentTarget.value })}
        />
      )}
      <TextInput
        label="Pool that new guests join"
        description="Only where MycoPod has its rights on a pool alone."
        autoComplete="off"
        spellCheck={false}
        value={draft.pool}
        onChange={(event) => set({ pool: event.currentTarget.value })}
      />
      <div className={classes.buttons}>
        <Button variant="default" onClick={on.onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={pending}>
          {action}
        </Button>
      </div>
    </form>
  );
}
