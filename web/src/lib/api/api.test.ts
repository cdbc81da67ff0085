import { afterEach, describe, expect, it, vi } from "vitest";

import { ApiError, call, key, meant, onSignedOut, request, retryOnce } from ".";
import { fromAnswer, retryAfter } from "./errors";

const answer = (status: number, body: unknown, headers: HeadersInit = {}): Response =>
  new Response(body === undefined ? null : JSON.stringify(body), { status, headers });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("refusals", () => {
  it("are read in both dialects", () => {
    expect(
      fromAnswer(400, { error_code: "invalid_parameters", message: "No.", field: "name" }),
    ).toMatchObject({
      status: 400,
      code: "invalid_parameters",
      message: "No.",
      field: "name",
    });
    expect(fromAnswer(422, { error: { code: "bad", message: "No.", parameter: "limit" } })).toMatchObject({
      code: "bad",
      field: "limit",
    });
  });

  it("have words of ours when the server has none", () => {
    expect(fromAnswer(502, undefined).message).toContain("proxy");
    expect(fromAnswer(418, "?")).toMatchObject({ code: "http_418", message: "The server refused this." });
  });

  it("say when to come back", () => {
    expect(fromAnswer(429, {}, new Headers({ "retry-after": "12" })).retryAfterS).toBe(12);
    expect(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 30_000)).toBe(30);
    expect(retryAfter("soon")).toBeUndefined();
    expect(retryAfter(null)).toBeUndefined();
  });
});

describe("call", () => {
  it("gives the body", async () => {
    await expect(call(Promise.resolve({ data: [1], response: answer(200, [1]) }))).resolves.toEqual([1]);
  });

  it("throws what the server refused, and tells when nobody is signed in", async () => {
    const told = vi.fn();
    onSignedOut(told);
    const refused = {
      error: { error_code: "missing_token", message: "Sign in." },
      response: answer(401, {}),
    };
    await expect(call(Promise.resolve(refused))).rejects.toMatchObject({
      code: "missing_token",
      status: 401,
    });
    expect(told).toHaveBeenCalledOnce();
    await expect(call(Promise.resolve(refused), { quiet: true })).rejects.toBeInstanceOf(ApiError);
    expect(told).toHaveBeenCalledOnce();
  });

  it("says that the network failed, but not that somebody left", async () => {
    await expect(call(Promise.reject(new TypeError("Failed to fetch")))).rejects.toMatchObject({
      status: 0,
      offline: true,
      passing: true,
    });
    const left = new DOMException("left", "AbortError");
    await expect(call(Promise.reject(left))).rejects.toBe(left);
  });

  it("reads routes beside the document too", async () => {
    const fetched = vi.fn(() => Promise.resolve(answer(200, { data: { id: "1" } })));
    vi.stubGlobal("fetch", fetched);
    await expect(request("POST", "/login", { body: { a: 1 } })).resolves.toEqual({ data: { id: "1" } });
    expect(fetched).toHaveBeenCalledWith(
      "/login",
      expect.objectContaining({ method: "POST", body: '{"a":1}' }),
    );
  });
});

describe("asking again", () => {
  it("happens once, for what passes", () => {
    expect(retryOnce(0, new ApiError(503, "x", "x"))).toBe(true);
    expect(retryOnce(1, new ApiError(503, "x", "x"))).toBe(false);
    expect(retryOnce(0, new ApiError(404, "x", "x"))).toBe(false);
    expect(retryOnce(0, new ApiError(429, "x", "x"))).toBe(false);
  });
});

describe("keys", () => {
  it("are alike when the filters mean the same", () => {
    expect(key("conferences", { appId: "a", browser: "", tags: [], os: null })).toEqual(
      key("conferences", { appId: "a" }),
    );
    expect(key("app", undefined)).toEqual(["app", null]);
    expect(meant({ limit: 0, has: false, gone: undefined })).toEqual({ limit: 0, has: false });
  });
});
