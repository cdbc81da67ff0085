import { describe, expect, it } from "vitest";

import { countryName, narrowed, valueName } from "./narrow";

const none = { appVersion: [], browser: [], os: [], country: [], sdk: [] };

describe("filters on sessions", () => {
  it("are sent under the server's names, and only when set", () => {
    expect(narrowed(none)).toEqual({});
    expect(narrowed({ ...none, appVersion: ["3.1.0"], sdk: ["janus"] })).toEqual({
      app_version: "3.1.0",
      webrtc_sdk: "janus",
    });
  });

  it("tell countries by name", () => {
    expect(countryName("DE")).toBe("Germany");
    expect(countryName("Unknown")).toBe("Unknown");
    expect(valueName("browser", "DE")).toBe("DE");
  });
});
