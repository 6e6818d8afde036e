import { Button, FileInput, Modal, NativeSelect } from "@mantine/core";
import { useState } from "react";

import { useCluster, useUpload } from "../api/queries";
import type { Cluster } from "../api/types";
import { gibibytes } from "../lib/format";
import classes from "./Form.module.css";
import { Loaded } from "./Loaded";
import { Notice } from "./Notice";
import { ProblemNotice } from "./ProblemNotice";

interface Props {
  /** The cluster whose storage takes the file. */
  cluster: string | null;
  onClose: () => void;
}

/** Sends a file to a storage: an image, a CD or a container template. */
export function UploadDialog({ cluster, onClose }: Props) {
  return (
    <Modal opened={cluster !== null} onClose={onClose} title={`Upload to ${cluster ?? ""}`}>
      {cluster !== null && <Form name={cluster} onClose={onClose} />}
    </Modal>
  );
}

function Form({ name, onClose }: { name: string; onClose: () => void }) {
  const cluster = useCluster(name);
  return <Loaded query={cluster}>{(data) => <Fields cluster={data} onClose={onClose} />}</Loaded>;
}

/** What a file is, by its ending, as Proxmox takes it. */
const CONTENTS = [
  { content: "iso", accept: ".iso,.img" },
  { content: "vztmpl", accept: ".tar.gz,.tar.xz,.tar.zst,.tar.bz2" },
  { content: "import", accept: ".qcow2,.raw,.vmdk,.ova" },
];
const ACCEPT = CONTENTS.map(({ accept }) => accept).join(",");

function contentOf(file: string): string | undefined {
  const ends = (accept: string) =>
    accept.split(",").some((ending) => file.toLowerCase().endsWith(ending));
  return CONTENTS.find(({ accept }) => ends(accept))?.content;
}

/** Storages that take the file, as `node/storage`; all that take any while none is chosen. */
function places(cluster: Cluster, file: File | null) {
  const content = file && contentOf(file.name);
  const takes = (held: string[]) =>
    CONTENTS.some((kind) => held.includes(kind.content)) && (!content || held.includes(content));
  const reachable = cluster.nodes.filter(({ state }) => state === "seen");
  return reachable.flatMap((node) =>
    node.storages
      .filter((storage) => takes(storage.content))
      .map(({ name, free_gib }) => ({
        value: `${node.name}/${name}`,
        label: `${name} on ${node.name}, ${gibibytes(free_gib)} free`,
      })),
  );
}

function Fields({ cluster, onClose }: { cluster: Cluster; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [chosen, setChosen] = useState("");
  const upload = useUpload();
  const offered = places(cluster, file);
  const place = offered.find(({ value }) => value === chosen) ?? offered[0];
  const unknown = file !== null && contentOf(file.name) === undefined;

  if (upload.data) {
    return (
      <div className={classes.form}>
        <Notice tone="good" title={`${upload.data.volume} is stored`} role="status">
          <p>On {upload.data.node}. A declaration can name it so.</p>
        </Notice>
        <div className={classes.buttons}>
          <Button data-autofocus onClick={onClose}>
            Close
          </Button>
        </div>
      </div>
    );
  }
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        const [node, storage] = place?.value.split("/") ?? [];
        if (file && node !== undefined && storage !== undefined) {
          upload.mutate({ cluster: cluster.cluster, node, storage, file });
        }
      }}
    >
      {upload.error && <ProblemNotice problem={upload.error} />}
      <FileInput
        label="File"
        description="An image of a CD, a container template or a disk image. A file that is there is not overwritten."
        placeholder="Choose a file"
        required
        accept={ACCEPT}
        error={unknown && "Its ending does not tell what it is."}
        disabled={upload.isPending}
        value={file}
        onChange={setFile}
      />
      <NativeSelect
        label="Storage"
        required
        disabled={upload.isPending}
        error={offered.length === 0 && "No storage of this cluster takes such a file."}
        value={place?.value ?? ""}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data={offered}
      />
      {upload.isPending && (
        <progress
          aria-label="Sent"
          max={1}
          {...(upload.sent !== null && upload.sent < 1 && { value: upload.sent })}
        />
      )}
      <div className={classes.buttons}>
        <Button
          variant="default"
          onClick={() => {
            upload.cancel();
            onClose();
          }}
        >
          {upload.isPending ? "Stop" : "Cancel"}
        </Button>
        <Button type="submit" loading={upload.isPending} disabled={unknown || !place || !file}>
          Upload
        </Button>
      </div>
    </form>
  );
}
