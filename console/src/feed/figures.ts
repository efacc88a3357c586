// What follows from the state at one moment: places, depth, the oldest wait, lines in use.

import type { QueueState } from "./state";
import type { Call, Operator, State } from "./wire";

/** A call that waits for an operator's voice, with its place in its queue. */
export interface Waiting extends Call {
  readonly place: number;
}

const WAITS: ReadonlySet<Call["stage"]> = new Set(["queued", "admitted", "ringing"]);

/** Those who wait, in order of service; places count from 1 in each queue. */
export function waiting(state: QueueState): Waiting[] {
  const places = new Map<string, number>();
  return state.calls
    .filter((call) => WAITS.has(call.stage))
    .map((call) => {
      const place = (places.get(call.queue) ?? 0) + 1;
      places.set(call.queue, place);
      return { ...call, place };
    });
}

export interface Figures {
  /** Callers who wait; promised call-backs are counted apart, since nobody is on the line. */
  readonly depth: number;
  readonly callBacks: number;
  /** Since when the one who has waited longest has. */
  readonly oldest: number | null;
  /** How many of them wait for a line, for an operator, for a phone to be picked up. */
  readonly queued: number;
  readonly admitted: number;
  readonly ringing: number;
  readonly linesInUse: number;
  readonly talking: number;
}

/** The figures of one moment, in one pass. */
export function figures(state: QueueState): Figures {
  const sum = { depth: 0, callBacks: 0, queued: 0, admitted: 0, ringing: 0, linesInUse: 0, talking: 0 };
  let oldest: number | null = null;
  for (const { stage, line, call_back, since } of state.calls) {
    if (line) sum.linesInUse += 1;
    if (stage === "talking") sum.talking += 1;
    if (stage !== "queued" && stage !== "admitted" && stage !== "ringing") continue;
    if (call_back) {
      sum.callBacks += 1;
      continue;
    }
    sum[stage] += 1;
    sum.depth += 1;
    oldest = oldest === null ? since : Math.min(oldest, since);
  }
  return { ...sum, oldest };
}

/** How many operators stand how. */
export function standings(operators: readonly Operator[]): Record<State, number> {
  const counts = { signed_off: 0, paused: 0, available: 0, reserved: 0, talking: 0, wrap_up: 0 };
  for (const { state } of operators) counts[state] += 1;
  return counts;
}
