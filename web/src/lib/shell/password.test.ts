import { expect, it } from "vitest";

import { ApiError } from "$lib/api/errors";

import { passwordProblem, refusedPassword } from "./password";

it("wants eight characters, twice the same", () => {
  expect(passwordProblem("1234567", "1234567")?.field).toBe("password");
  expect(passwordProblem("😀😀😀😀", "😀😀😀😀")?.field).toBe("password");
  expect(passwordProblem("12345678", "12345679")?.field).toBe("again");
  expect(passwordProblem("12345678", "12345678")).toBeNull();
});

it("shows a refusal where it belongs", () => {
  expect(refusedPassword(new ApiError(400, "weak_password", "x"), "differs").field).toBe("again");
  expect(refusedPassword(new ApiError(503, "x", "Later."))).toEqual({ field: "password", text: "Later." });
});
