import { expect, it } from "vitest";
import { type Day, MINUTE, MINUTES_MAX, NO_DAY, counted, recorded, sampled, shares, until } from "./day";
import { type Figures } from "./figures";
import type { Call, Change, Delta } from "./wire";

const NINE = Date.UTC(2026, 10, 23, 1);
const EMPTY: Day = { ...NO_DAY, date: "2026-11-23" };

const at = (ms: number, change: Partial<Change>): Delta => ({ type: "delta", seq: 1, at: NINE + ms, ...change }) as Delta;
const connected = (ms: number, waited_ms: number) => at(ms, { event: "call_connected", waited_ms });
const ended = (ms: number, outcome: string) => at(ms, { event: "call_ended", outcome } as Partial<Change>);
const standing = (depth: number, oldest: number | null) => ({ depth, oldest }) as Figures;
const play = (deltas: Delta[], from = EMPTY, calls: Call[] = []) =>
  deltas.reduce((day, delta) => counted(day, delta, 15_000, calls), from);

it("counts in minutes, and a resumed place is no arrival", () => {
  const arrival = (ms: number, resumed: boolean) => at(ms, { event: "call_arrived", resumed });
  const day = play([arrival(0, false), arrival(1000, false), arrival(2000, true), arrival(MINUTE, false)]);
  expect(day.minutes.map(({ arrived }) => arrived)).toEqual([2, 1]);
});

it("has the shares that the rules of Prometheus define", () => {
  expect(shares(EMPTY)).toMatchObject({ level: null, abandonment: null, connect: null, asa: null });
  const day = play([
    ...[connected(0, 15_000), connected(0, 15_001), connected(0, 3000)],
    ...[ended(0, "answered"), ended(0, "abandoned"), ended(0, "short_abandoned"), ended(0, "saturated")],
  ]);
  expect(shares(day)).toMatchObject({ level: 2 / 3, abandonment: 0.25, connect: 0.25, answered: 3, ended: 4 });
  expect(shares(day).asa).toBeCloseTo(11.0003);
});

it("counts a transferred call as answered once", () => {
  const transferred = { call: 7, transferred_by: "1001" } as Call;
  const again = { ...connected(0, 3000), call: 7 } as Delta;
  expect(shares(play([again], EMPTY, [transferred])).answered).toBe(0);
  expect(shares(play([again], EMPTY, [{ call: 7 } as Call])).answered).toBe(1);
});

it("keeps the most of each minute", () => {
  let day = sampled(EMPTY, NINE, standing(3, NINE - 10_000));
  day = sampled(day, NINE + 1000, standing(1, NINE));
  day = sampled(day, NINE + MINUTE, standing(2, null));
  expect(day.minutes.map(({ depth, oldest }) => [depth, oldest])).toEqual([
    [3, 10],
    [2, 0],
  ]);
});

it("takes what was missed in a moment's loss of the connection in order", () => {
  const day = play([connected(3 * MINUTE, 1), connected(MINUTE, 1), connected(2 * MINUTE, 1), connected(MINUTE, 1)]);
  expect(day.minutes.map(({ at, answered }) => [at - NINE / MINUTE, answered])).toEqual([
    [1, 2],
    [2, 1],
    [3, 1],
  ]);
});

it("is bounded, and forgets what lies ahead", () => {
  let day = EMPTY;
  for (let n = 0; n < MINUTES_MAX + 5; n += 1) day = sampled(day, NINE + n * MINUTE, standing(1, null));
  expect(day.minutes).toHaveLength(MINUTES_MAX);
  expect(day.minutes[0]?.at).toBe(NINE / MINUTE + 5);
  expect(until(day, NINE + 6 * MINUTE).minutes).toHaveLength(2);
});

it("goes on from what the engine tells, and counts nothing twice", () => {
  const told = { seq: 40, since: NINE, minutes: [[NINE / MINUTE, 3, 2, 1, 1, 2, 1, 21_500, 4, 55_000]] };
  const day = recorded(told as Parameters<typeof recorded>[0], "2026-11-23");
  const later = [...(told.minutes[0] as number[])];
  later[0] = NINE / MINUTE + 3;
  const gap = recorded({ ...told, minutes: [told.minutes[0], later] } as Parameters<typeof recorded>[0], "2026-11-23");
  expect(gap.minutes.map(({ depth }) => depth), "minutes in which nothing was").toEqual([4, 0, 0, 4]);
  expect([day.since, shares(day).level, shares(day).asa]).toEqual([NINE, 0.5, 10.75]);
  const known = { ...connected(0, 1), seq: 40 };
  expect(play([known], day)).toBe(day);
  expect(shares(play([known, { ...known, seq: 41 }], day)).answered).toBe(3);
});
