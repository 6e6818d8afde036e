import type { DeclarationStatus } from "../api/types";
import { STATUSES } from "../lib/status";
import { Tag } from "./Tag";

export function StatusTag({ status }: { status: DeclarationStatus }) {
  const { tone, label } = STATUSES[status];
  return <Tag tone={tone}>{label}</Tag>;
}
