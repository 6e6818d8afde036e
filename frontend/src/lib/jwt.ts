import type { Role } from "../api/types";

export interface Claims {
  sub: string;
  email: string;
  role: Role;
  approved: boolean;
}

/**
 * Reads the claims of an access token. It does not check the signature: the server does that on
 * every call, and what the UI shows or hides by role is a courtesy, never the guard.
 */
export function readClaims(token: string): Claims {
  const payload = token.split(".")[1];
  if (payload === undefined) throw new Error("The server's token is not a JWT.");
  const base64 = payload.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
}
