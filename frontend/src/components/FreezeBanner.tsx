import { useFreezes } from "../api/queries";
import classes from "./FreezeBanner.module.css";
import { Time } from "./Time";

/** On every page: where nothing is applied, since when, by whom and why. */
export function FreezeBanner() {
  const freezes = useFreezes().data ?? [];
  if (freezes.length === 0) return null;
  return (
    <aside className={classes.banner} aria-label="Frozen">
      {freezes.map(({ cluster, by, at, why }) => (
        <p key={cluster ?? ""}>
          <strong>{cluster === null ? "Frozen" : `Cluster ${cluster} is frozen`}</strong> – {why} (
          {by}, <Time iso={at} />
          ). Nothing is applied; reading and planning go on, and steps under way end.
        </p>
      ))}
    </aside>
  );
}
