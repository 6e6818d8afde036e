import type { DeclarationStatus } from "../api/types";

export type Tone = "neutral" | "accent" | "good" | "warn" | "danger";

interface Meaning {
  label: string;
  tone: Tone;
  /** What a person can do now. */
  next: string;
}

export const STATUSES: Record<DeclarationStatus, Meaning> = {
  reading: {
    label: "Being read",
    tone: "accent",
    next: "The reading and the plan follow shortly.",
  },
  needs_answer: {
    label: "Needs an answer",
    tone: "warn",
    next: "Answer the questions; the plan is made from your answers.",
  },
  refused: {
    label: "Refused",
    tone: "danger",
    next: "Write a new declaration that leaves out or changes what was refused.",
  },
  awaiting_approval: {
    label: "Waits for approval",
    tone: "warn",
    next: "An Admin confirms the plan, or somebody cancels the declaration.",
  },
  approved: { label: "Approved", tone: "accent", next: "The first step starts shortly." },
  applying: {
    label: "Being applied",
    tone: "accent",
    next: "You may close this page; the work goes on.",
  },
  converged: {
    label: "As declared",
    tone: "good",
    next: "MycoPod keeps comparing the guests with this declaration.",
  },
  blocked: {
    label: "Blocked",
    tone: "danger",
    next: "Remove the cause named above, then plan again.",
  },
  failed: {
    label: "Failed",
    tone: "danger",
    next: "Read the failed step's log, remove the cause, then plan again.",
  },
  cancelled: { label: "Cancelled", tone: "neutral", next: "Declare anew if it is still wanted." },
  superseded: {
    label: "Superseded",
    tone: "neutral",
    next: "A newer declaration has taken over all that this one declared.",
  },
  stale: {
    label: "Stale",
    tone: "warn",
    next: "The cluster changed under the plan. Plan again, and look at the new plan.",
  },
};

/** Whether the server is at work on it, so that the page should follow. */
export function isMoving(status: DeclarationStatus): boolean {
  return status === "reading" || status === "approved" || status === "applying";
}

/** Whether a plan made afresh from what now is can help. */
export function canPlanAgain(status: DeclarationStatus): boolean {
  return status === "blocked" || status === "failed" || status === "stale";
}

/** Whether it can still be called off; what was carried out stays so. */
export function canCancel(status: DeclarationStatus): boolean {
  return !["converged", "refused", "cancelled", "superseded"].includes(status);
}
