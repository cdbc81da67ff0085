/** Short messages after something was done: `toast("App deleted")`, `toast(error)`. */
import { ApiError } from "$lib/api/errors";

export interface Toast {
  id: number;
  text: string;
  signal: "success" | "error" | "neutral";
}

const shown = $state<Toast[]>([]);
let last = 0;

export const toasts: readonly Toast[] = shown;

export function dismiss(id: number): void {
  const at = shown.findIndex((one) => one.id === id);
  if (at >= 0) shown.splice(at, 1);
}

/** Errors stay until they are dismissed; the rest goes after six seconds. */
export function toast(what: unknown, signal: Toast["signal"] = "success"): void {
  const failed = what instanceof Error;
  const text = failed ? (what instanceof ApiError ? what.message : "That did not work.") : String(what);
  last += 1;
  const one: Toast = { id: last, text, signal: failed ? "error" : signal };
  shown.push(one);
  if (shown.length > 4) shown.shift();
  if (one.signal !== "error") setTimeout(dismiss, 6_000, one.id);
}
