import type { Effect, Plan, PlanStep, PlanSummary } from "../api/types";
import { guestId } from "./format";

/** From what cannot be undone to what nobody notices. */
const SEVERITY: Effect[] = ["destroy", "stop", "reboot", "pending", "live"];

/** What an effect means for the guest, in plain words. */
export const EFFECTS: Record<Effect, { label: string; meaning: string }> = {
  destroy: { label: "destroys", meaning: "Cannot be undone." },
  stop: { label: "stops", meaning: "The guest stops." },
  reboot: { label: "restarts", meaning: "The guest restarts." },
  pending: { label: "at next start", meaning: "Takes effect when the guest next starts." },
  live: { label: "live", meaning: "Takes effect without interruption." },
};

/** What steps act on: a guest, or a pool, a file or a backup job. */
export interface Subject {
  /** The same for all steps on it. */
  key: string;
  name: string;
  /** `VM 101`, `pool`. */
  what: string;
  node: string | null;
}

export interface SubjectSteps {
  subject: Subject;
  worst: Effect;
  /** In the order they are carried out. */
  steps: PlanStep[];
}

function subjectOf({ guest, facility }: PlanStep): Subject {
  if (guest) {
    return { key: String(guest.vmid), name: guest.name, what: guestId(guest), node: guest.node };
  }
  const { kind = "", name = "", node = null } = facility ?? {};
  return { key: `${kind} ${name}`, name, what: kind, node };
}

/** The steps of a plan by what they act on, irreversible ones first. */
export function bySubject(plan: Plan): SubjectSteps[] {
  const groups = new Map<string, SubjectSteps>();
  for (const step of plan.steps) {
    const subject = subjectOf(step);
    const group = groups.get(subject.key);
    if (!group) {
      groups.set(subject.key, { subject, worst: step.effect, steps: [step] });
      continue;
    }
    group.steps.push(step);
    if (SEVERITY.indexOf(step.effect) < SEVERITY.indexOf(group.worst)) group.worst = step.effect;
  }
  return [...groups.values()].sort((a, b) => SEVERITY.indexOf(a.worst) - SEVERITY.indexOf(b.worst));
}

/** What an Admin has to name before the plan may be carried out. */
export function destroyed(plan: Plan): Subject[] {
  return bySubject(plan)
    .filter((group) => group.worst === "destroy")
    .map((group) => group.subject);
}

/** `VM 101 on pve1`, `pool`. */
export function place({ what, node }: Subject): string {
  return node === null ? what : `${what} on ${node}`;
}

/** "2 to create, 1 to change": what a plan does, counted in guests. */
export function summaryText(summary: PlanSummary): string {
  const parts = [
    summary.create > 0 && `${summary.create} to create`,
    summary.update > 0 && `${summary.update} to change`,
    summary.destroy > 0 && `${summary.destroy} to destroy`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join(", ") : "no guest to change";
}
