import type { Drift } from "../api/types";
import { scalar } from "../lib/format";
import { Time } from "./Time";

/** Field by field: what was declared, what is, and since when. */
export function DriftList({ drift }: { drift: Drift[] }) {
  return (
    <ul className="small">
      {drift.map(({ field, label, declared, observed, since }) => (
        <li key={field}>
          {label}: declared <code>{scalar(declared) ?? "none"}</code>, is{" "}
          <code>{scalar(observed) ?? "none"}</code>,{" "}
          <span className="soft">
            seen <Time iso={since} />
          </span>
        </li>
      ))}
    </ul>
  );
}
