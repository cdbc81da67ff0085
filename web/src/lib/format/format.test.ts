import { describe, expect, it } from "vitest";

import {
  bitrate,
  bytes,
  clock,
  compact,
  count,
  dayName,
  duration,
  minutes,
  ms,
  NOTHING,
  percent,
  plural,
  relative,
  time,
  utc,
  utcDay,
  withUnit,
} from ".";

/** Narrow spaces as plain ones, so that the expectations can be read. */
const plain = (text: string): string => text.replaceAll("\u202f", " ");

describe("figures", () => {
  it("are a dash when there is none", () => {
    for (const format of [count, compact, percent, bitrate, bytes, ms, duration, clock, minutes]) {
      expect(format(null)).toBe(NOTHING);
      expect(format(undefined)).toBe(NOTHING);
      expect(format(Number.NaN)).toBe(NOTHING);
    }
    expect(withUnit(null, "fps")).toBe(NOTHING);
  });

  it("have the unit that keeps them short", () => {
    expect(plain(bitrate(0))).toBe("0 bit/s");
    expect(plain(bitrate(999.6))).toBe("1 kbit/s");
    expect(plain(bitrate(850_000))).toBe("850 kbit/s");
    expect(plain(bitrate(1_240_000))).toBe("1.24 Mbit/s");
    expect(plain(bytes(34))).toBe("34 B");
    expect(plain(bytes(12_340_000))).toBe("12.3 MB");
    expect(plain(bytes(-5_600))).toBe("-5.6 KB");
    expect(plain(ms(0.84))).toBe("0.8 ms");
    expect(plain(ms(239.6))).toBe("240 ms");
    expect(plain(ms(12_340))).toBe("12.3 s");
    expect(plain(withUnit(24.96, "fps"))).toBe("25 fps");
  });

  it("count with separators, and briefly in small places", () => {
    expect(count(1_234_567)).toBe("1,234,567");
    expect(compact(9_999)).toBe("9,999");
    expect(compact(12_345)).toBe("12.3k");
    expect(plural(1, "conference")).toBe("1 conference");
    expect(plural(2, "person", "people")).toBe("2 people");
  });

  it("never round a small share down to nothing", () => {
    expect(plain(percent(0))).toBe("0 %");
    expect(plain(percent(0.0001))).toBe("< 0.1 %");
    expect(plain(percent(0.1234))).toBe("12.3 %");
    expect(plain(percent(1))).toBe("100 %");
  });
});

describe("times", () => {
  const at = "2026-01-15T23:30:05.123456Z";

  it("are told in a zone, and in UTC", () => {
    expect(time(at, "full", "Asia/Tokyo")).toBe("16 Jan 2026, 08:30:05");
    expect(time(at, "clock", "UTC")).toBe("23:30");
    expect(time("no time")).toBe(NOTHING);
    expect(utc(at)).toBe("2026-01-15 23:30:05 UTC");
    expect(utc(null)).toBe(NOTHING);
    expect(utcDay(at)).toBe("2026-01-15");
  });

  it("name UTC days whatever the zone of the viewer", () => {
    expect(dayName("2026-01-15")).toBe("15 Jan");
    expect(dayName("2026-01-15", "full")).toBe("Thu, 15 Jan 2026");
  });

  it("are counted as hours, minutes and seconds", () => {
    expect(duration(0)).toBe("0s");
    expect(duration(45.4)).toBe("45s");
    expect(duration(3723)).toBe("1h 2m 3s");
    expect(duration(3723, true)).toBe("1h 2m");
    expect(duration(3600)).toBe("1h");
    expect(clock(123)).toBe("2:03");
    expect(clock(3723)).toBe("1:02:03");
    expect(plain(minutes(86_399))).toBe("1,439 min");
  });

  it("are told from now on", () => {
    const now = Date.parse("2026-01-15T12:00:00Z");
    expect(relative("2026-01-15T11:59:55Z", now)).toBe("just now");
    expect(relative("2026-01-15T11:57:00Z", now)).toBe("3 minutes ago");
    expect(relative("2026-01-14T12:00:00Z", now)).toBe("yesterday");
    expect(relative("2026-01-17T13:00:00Z", now)).toBe("in 2 days");
    expect(relative("2024-01-01T00:00:00Z", now)).toBe("2 years ago");
    expect(relative(null, now)).toBe(NOTHING);
  });
});
