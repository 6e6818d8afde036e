import type { Guest } from "../api/types";

/** Whether a guest of ours is gone: of none of its declared fields anything is seen. */
export function isGone({ managed, status, drift }: Guest): boolean {
  return (
    managed &&
    status === "unknown" &&
    drift.length > 0 &&
    drift.every(({ observed }) => observed === null)
  );
}

/** What one needs to decide about a guest's fields; of one that is gone there is nothing to decide field by field. */
export function decidable(guest: Guest): { name: string; resource: string } | undefined {
  return guest.resource && !isGone(guest)
    ? { name: guest.name, resource: guest.resource }
    : undefined;
}
