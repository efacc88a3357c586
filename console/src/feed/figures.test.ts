import { expect, it } from "vitest";
import { figures, standings, waiting } from "./figures";
import type { QueueState } from "./state";
import type { Call, Operator, Stage } from "./wire";

let calls = 0;
const call = (stage: Stage, more: Partial<Call> = {}): Call => {
  calls += 1;
  return {
    ...{ call: calls, queue: "hotline", trunk: "city", caller: null, ticket: calls, since: 1000 * calls },
    ...{ line: stage !== "queued", stage, ...more },
  };
};
const state = (list: Call[]) => ({ calls: list }) as unknown as QueueState;

it("places count from one in each queue, among those who wait", () => {
  const list = [call("talking"), call("ringing"), call("queued", { queue: "other" }), call("leaving"), call("queued")];
  expect(waiting(state(list)).map(({ queue, place }) => `${queue} ${place}`)).toEqual([
    "hotline 1",
    "other 1",
    "hotline 2",
  ]);
});

it("depth and the longest wait leave call-backs out, lines count whoever holds one", () => {
  const promised = call("queued", { call_back: true });
  const list = [promised, call("talking"), call("admitted"), call("ringing"), call("queued")];
  expect(figures(state(list))).toEqual({
    ...{ depth: 3, callBacks: 1, oldest: list[2]?.since, queued: 1, admitted: 1, ringing: 1 },
    ...{ linesInUse: 3, talking: 1 },
  });
  expect(figures(state([promised])).oldest).toBeNull();
});

it("operators are counted by state", () => {
  const operators = ["talking", "paused", "talking"].map((state) => ({ state }) as Operator);
  expect(standings(operators)).toMatchObject({ talking: 2, paused: 1, available: 0 });
});
