import { Button } from "@mantine/core";

import { useGuests, usePlanAgain } from "../api/queries";
import { decidable } from "../lib/drift";
import { DriftList } from "./DriftList";
import { Notice } from "./Notice";
import { ProblemNotice } from "./ProblemNotice";

/** What of a declaration no longer holds, and the way to a plan that repairs it. */
export function DriftNotice({ declaration }: { declaration: string }) {
  const guests = useGuests();
  const repair = usePlanAgain(declaration);
  const drifted = (guests.data ?? [])
    .map((guest) => ({
      ...guest,
      drift: guest.drift.filter((drift) => drift.declaration === declaration),
    }))
    .filter((guest) => guest.drift.length > 0);
  if (drifted.length === 0) return null;
  return (
    <Notice tone="warn" title="Drift: the cluster is no longer as declared">
      {drifted.map((guest) => (
        <div key={`${guest.cluster} ${guest.vmid}`}>
          <strong>{guest.name}</strong>
          <DriftList drift={guest.drift} guest={decidable(guest)} />
        </div>
      ))}
      {repair.error && <ProblemNotice problem={repair.error} />}
      <Button size="xs" loading={repair.isPending} onClick={() => repair.mutate(undefined)}>
        Plan a repair
      </Button>
    </Notice>
  );
}
