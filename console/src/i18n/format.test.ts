import { describe, expect, it } from "vitest";
import { dateOf, duration, nextTimeOfDay, percent, timeOfDay } from "./format";

const SHANGHAI = "Asia/Shanghai";
const BERLIN = "Europe/Berlin";

it("durations", () => {
  const table: [number, string][] = [
    [-500, "0:00"],
    [999, "0:00"],
    [61_000, "1:01"],
    [3_599_999, "59:59"],
    [3_600_000, "1:00:00"],
  ];
  for (const [ms, text] of table) expect(duration(ms)).toBe(text);
});

it("shares", () => {
  expect([null, 0, 0.255, 1].map(percent)).toEqual(["–", "0%", "26%", "100%"]);
});

it("the hotline's time of day and date", () => {
  const midnight = Date.UTC(2026, 10, 22, 16, 0, 5);
  expect(timeOfDay(midnight, SHANGHAI, true)).toBe("00:00:05");
  expect(dateOf(midnight, SHANGHAI)).toBe("2026-11-23");
  expect(dateOf(midnight - 6000, SHANGHAI)).toBe("2026-11-22");
});

describe("the next time of day", () => {
  const now = Date.UTC(2026, 10, 23, 10); // 18:00 in Shanghai

  it("is today if it lies ahead, else tomorrow", () => {
    expect(nextTimeOfDay("22:00", now, SHANGHAI)).toBe(Date.UTC(2026, 10, 23, 14));
    expect(nextTimeOfDay("18:00", now, SHANGHAI)).toBe(Date.UTC(2026, 10, 24, 10));
    expect(nextTimeOfDay("08:30", now, SHANGHAI)).toBe(Date.UTC(2026, 10, 24, 0, 30));
  });

  it("knows that clocks are put back and forward", () => {
    const autumn = Date.UTC(2026, 9, 24, 20); // the evening before clocks are put back
    expect(nextTimeOfDay("08:00", autumn, BERLIN)).toBe(Date.UTC(2026, 9, 25, 7));
    const spring = Date.UTC(2026, 2, 28, 20);
    expect(nextTimeOfDay("08:00", spring, BERLIN)).toBe(Date.UTC(2026, 2, 29, 6));
  });

  it("is none of what is no time of day", () => {
    for (const text of ["", "24:00", "8", "08:60", "late"]) expect(nextTimeOfDay(text, now, SHANGHAI)).toBeNull();
  });
});
