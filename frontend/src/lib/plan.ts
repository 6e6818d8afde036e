import type { Effect, Plan, PlanGuest, PlanStep, PlanSummary } from "../api/types";

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

export interface GuestSteps {
  guest: PlanGuest;
  worst: Effect;
  /** In the order they are carried out. */
  steps: PlanStep[];
}

/** The steps of a plan by guest, guests with irreversible steps first. */
export function byGuest(plan: Plan): GuestSteps[] {
  const groups = new Map<number, GuestSteps>();
  for (const step of plan.steps) {
    const group = groups.get(step.guest.vmid);
    if (!group) {
      groups.set(step.guest.vmid, { guest: step.guest, worst: step.effect, steps: [step] });
      continue;
    }
    group.steps.push(step);
    if (SEVERITY.indexOf(step.effect) < SEVERITY.indexOf(group.worst)) group.worst = step.effect;
  }
  return [...groups.values()].sort((a, b) => SEVERITY.indexOf(a.worst) - SEVERITY.indexOf(b.worst));
}

/** The guests an Admin has to name before the plan may be carried out. */
export function destroyed(plan: Plan): PlanGuest[] {
  return byGuest(plan)
    .filter((group) => group.worst === "destroy")
    .map((group) => group.guest);
}

/** "2 to create, 1 to change": what a plan does, counted in guests. */
export function summaryText(summary: PlanSummary): string {
  const parts = [
    summary.create > 0 && `${summary.create} to create`,
    summary.update > 0 && `${summary.update} to change`,
    summary.destroy > 0 && `${summary.destroy} to destroy`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? parts.join(", ") : "nothing to do";
}
