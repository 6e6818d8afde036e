import type { Effect } from "../api/types";
import { EFFECTS } from "../lib/plan";
import type { Tone } from "../lib/status";
import { Tag } from "./Tag";

const TONES: Record<Effect, Tone> = {
  destroy: "danger",
  stop: "warn",
  reboot: "warn",
  pending: "neutral",
  live: "good",
};

export function EffectTag({ effect }: { effect: Effect }) {
  const { label, meaning } = EFFECTS[effect];
  return (
    <Tag tone={TONES[effect]} title={meaning}>
      {label}
    </Tag>
  );
}
