import { useQueryClient } from "@tanstack/react-query";

import classes from "./ServerNotice.module.css";

/** Says, as long as it lasts, that the server does not answer. */
export function ServerNotice({ reachable, checking }: { reachable: boolean; checking: boolean }) {
  const client = useQueryClient();
  return (
    <div role="alert">
      {!reachable && (
        <p className={classes.notice}>
          <span>
            <strong>MycoPod’s server cannot be reached.</strong> What you see may be out of date.
            Work that was under way goes on without this page.{" "}
          </span>
          <button
            type="button"
            className={classes.retry}
            disabled={checking}
            onClick={() => void client.refetchQueries({ queryKey: ["ping"] })}
          >
            {checking ? "Trying…" : "Try now"}
          </button>
        </p>
      )}
    </div>
  );
}
