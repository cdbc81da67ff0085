/** What is wrong with a new password, before the server says it; null when nothing is. */
import { ApiError } from "$lib/api/errors";

export const PASSWORD_MIN = 8;

export interface PasswordProblem {
  field: "password" | "again";
  text: string;
}

export function passwordProblem(password: string, again: string): PasswordProblem | null {
  // Counted as the server does: by characters, not by halves of them.
  if ([...password].length < PASSWORD_MIN)
    return { field: "password", text: `At least ${PASSWORD_MIN} characters, please.` };
  return password === again ? null : { field: "again", text: "The two passwords differ." };
}

const REFUSALS: Record<string, PasswordProblem> = {
  too_short: { field: "password", text: `At least ${PASSWORD_MIN} characters, please.` },
  too_long: { field: "password", text: "The password is too long." },
  differs: { field: "again", text: "The two passwords differ." },
};

/** Where to show what the server refused. */
export function refusedPassword(thrown: unknown, problem?: string): PasswordProblem {
  const known = problem === undefined ? undefined : REFUSALS[problem];
  if (known) return known;
  return { field: "password", text: thrown instanceof ApiError ? thrown.message : "That did not work." };
}
