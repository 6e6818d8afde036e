import type { Cluster, Node } from "../api/types";
import { count, gibibytes, mebibytes } from "../lib/format";
import { ago } from "../lib/time";
import classes from "./ClusterView.module.css";
import { Empty } from "./Empty";
import { Tag } from "./Tag";

/** The cluster as last seen: each node with the age of that look, its memory and its storages. */
export function ClusterView({ cluster }: { cluster: Cluster }) {
  if (cluster.nodes.length === 0) return <Empty>No node of the cluster has been seen yet.</Empty>;
  return (
    <>
      <p className="soft small">
        {cluster.name} · {cluster.sandbox ? "sandbox" : "Proxmox VE"} {cluster.version}
      </p>
      <ul className={classes.nodes}>
        {cluster.nodes.map((node) => (
          <li key={node.name} className={classes.node}>
            <NodeView node={node} />
          </li>
        ))}
      </ul>
    </>
  );
}

function NodeView({ node }: { node: Node }) {
  const seen = node.state === "seen";
  return (
    <>
      <h3 className={classes.name}>
        {node.name} <Tag tone={seen ? "good" : "danger"}>{seen ? "seen" : "unreachable"}</Tag>{" "}
        <span className="soft small">{ago(node.age_seconds)}</span>
      </h3>
      {node.detail && <p className="small">{node.detail}</p>}
      <dl className={classes.meters}>
        {node.memory_mib !== null && node.memory_used_mib !== null && (
          <div className={classes.row}>
            <dt>Memory</dt>
            <dd>
              <Meter
                label={`Memory of ${node.name}`}
                used={node.memory_used_mib}
                total={node.memory_mib}
                text={`${mebibytes(node.memory_used_mib)} of ${mebibytes(node.memory_mib)} used`}
              />
            </dd>
          </div>
        )}
        {node.storages.map(({ name, total_gib, free_gib }) => (
          <div key={name} className={classes.row}>
            <dt>{name}</dt>
            <dd>
              <Meter
                label={`Storage ${name} of ${node.name}`}
                used={total_gib - free_gib}
                total={total_gib}
                text={`${gibibytes(free_gib)} of ${gibibytes(total_gib)} free`}
              />
            </dd>
          </div>
        ))}
      </dl>
      <p className="soft small">
        {node.cores !== null && `${count(node.cores, "core")} · `}
        {node.bridges.join(", ") || "no bridges"}
      </p>
    </>
  );
}

interface MeterProps {
  label: string;
  used: number;
  total: number;
  text: string;
}

function Meter({ label, used, total, text }: MeterProps) {
  return (
    <span className={classes.meter}>
      <meter aria-label={label} min={0} max={Math.max(total, 1)} value={used}>
        {text}
      </meter>
      <span className="small">{text}</span>
    </span>
  );
}
