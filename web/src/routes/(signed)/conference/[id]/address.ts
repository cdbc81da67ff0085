/** What of this page stands in the address. Graphs have parameters of their own. */
import { type Codec, oneOf, text, type UrlState, urlState } from "$lib/url";

/** Which events the drawer lists. */
export interface Shown {
  of: "connection" | "participant";
  id: string;
  /** A kind of mark, or all of them. */
  kind: string;
  from: number;
  to: number;
}

const FORM = /^([cp])\.([0-9a-f-]{36})\.([a-z-]+)\.(-?\d+)\.(-?\d+)$/;

/** Written as `c.<id>.<kind>.<from>.<to>`, in milliseconds since the epoch. */
export function shown(): Codec<Shown | null> {
  return {
    read: ([value]) => {
      const parts = FORM.exec(value ?? "");
      if (!parts) return null;
      const [, of, id = "", kind = "", from, to] = parts;
      return { of: of === "c" ? "connection" : "participant", id, kind, from: Number(from), to: Number(to) };
    },
    write: (value) =>
      value
        ? [[value.of[0], value.id, value.kind, Math.floor(value.from), Math.ceil(value.to)].join(".")]
        : [],
  };
}

export const SPEC = {
  /** Also a filter of the graphs. */
  participant: text(),
  connection: text(),
  event: text(),
  show: shown(),
  tab: oneOf(["summary", "changes", "text"]),
};

export type Address = UrlState<typeof SPEC>;

export function pageAddress(): Address {
  return urlState(SPEC);
}
