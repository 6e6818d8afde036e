import type { GuestKind } from "../api/types";

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** A value of a field as a person reads it; null when there is none. */
export function scalar(value: unknown): string | null {
  if (value === null || value === undefined || value === "") return null;
  if (value === true) return "yes";
  if (value === false) return "no";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Memory in MiB as "4 GiB" or "512 MiB". */
export function mebibytes(mib: number): string {
  return mib >= 1024 ? gibibytes(mib / 1024) : `${number.format(mib)} MiB`;
}

/** A size in GiB as "20 GiB" or "1.5 TiB". */
export function gibibytes(gib: number): string {
  return gib >= 1024 ? `${number.format(gib / 1024)} TiB` : `${number.format(gib)} GiB`;
}

/** "1 guest", "2 guests". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** "VM 101", "container 102": Proxmox's kind in plain words with its number. */
export function guestId(guest: { kind: GuestKind; vmid: number }): string {
  return `${guest.kind === "qemu" ? "VM" : "container"} ${guest.vmid}`;
}
