import { beforeEach, expect, it, vi } from "vitest";
import type { Day } from "./day";
import { keep, kept } from "./keep";

const DAY: Day = {
  date: "2026-11-23",
  minutes: [
    {
      ...{ at: 29_000_000, arrived: 3, answered: 2, inTime: 1, abandoned: 1, ended: 2, reached: 1 },
      ...{ waited: 31, depth: 4, oldest: 55 },
    },
  ],
};
const store = new Map<string, string>();

beforeEach(() => {
  store.clear();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => void store.set(key, value),
  });
});

it("a day is kept for its hotline and its date alone", () => {
  keep("Hotline", DAY);
  expect(kept("Hotline", DAY.date)).toEqual(DAY);
  expect(kept("Hotline", "2026-11-24").minutes).toEqual([]);
  expect(kept("Other", DAY.date).minutes).toEqual([]);
});

it("what cannot be read, or is of another make, is nothing", () => {
  for (const text of ["", "{", "null", "7", '{"hotline":"Hotline","date":"2026-11-23","rows":[[1],"x",null]}']) {
    store.set("holdfast.day", text);
    expect(kept("Hotline", DAY.date).minutes).toEqual([]);
  }
});

it("a browser that refuses to keep is no trouble", () => {
  vi.stubGlobal("localStorage", {
    getItem: () => {
      throw new Error("denied");
    },
    setItem: () => {
      throw new Error("full");
    },
  });
  keep("Hotline", DAY);
  expect(kept("Hotline", DAY.date).minutes).toEqual([]);
});
