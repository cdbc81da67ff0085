/** Words and checks of an app's settings. Pure. */

export const MASKS = [
  { value: "addresses", label: "Addresses", hint: "The last part of every IP address is taken out." },
  {
    value: "sdp",
    label: "Secrets of SDP",
    hint: "Passwords and fingerprints of ICE and DTLS are taken out.",
  },
  { value: "devices", label: "Names of devices", hint: "Cameras, microphones and outputs lose their names." },
] as const;

export const SCOPES = [
  { value: "read", label: "Read", hint: "All that is stored, by the query API." },
  { value: "manage", label: "Manage", hint: "Change apps, delete participants." },
  { value: "ingest", label: "Send", hint: "Send traces to be imported." },
] as const;

export const ROLES = [
  { value: "owner", label: "Owner", hint: "Everything, people included" },
  { value: "member", label: "Member", hint: "Apps and keys" },
  { value: "viewer", label: "Viewer", hint: "Looks" },
] as const;
export type Role = (typeof ROLES)[number]["value"];

/** A field of days or minutes: empty is null, the default. Undefined: it cannot be read. */
export function whole(text: string | number | null): number | null | undefined {
  const bare = String(text ?? "").trim();
  if (bare === "") return null;
  return /^\d{1,9}$/.test(bare) ? Number(bare) : undefined;
}

/** What stands in an empty field. */
export function defaultWords(days: number | null | undefined): string {
  return days === null || days === undefined ? "for ever" : `${days}`;
}
