// The day so far, minute by minute, as this page has seen it: what the curves and the shares are drawn from. The feed
// tells what happens, not what happened; a page that was not open has a hole there, and says since when it watches.

import type { Figures } from "./figures";
import type { Delta } from "./wire";

export const MINUTE = 60_000;

/** Minutes kept at most: one day. */
export const MINUTES_MAX = 1440;

/** Answered within this counts for the service level, in milliseconds (GB/T 33358-2016). */
export const ANSWER_WITHIN = 15_000;

/** What one minute saw. */
export interface Minute {
  /** Minutes since 1970-01-01T00:00Z. */
  at: number;
  /** Callers who came, a place taken up again not counted. */
  arrived: number;
  answered: number;
  /** Of these, within `ANSWER_WITHIN`. */
  inTime: number;
  abandoned: number;
  /** Calls that ended, whatever the outcome; and of these, those that had reached an operator. */
  ended: number;
  reached: number;
  /** Sum of the waits of those answered, in seconds. */
  waited: number;
  /** Most who waited at once. */
  depth: number;
  /** The longest that anybody had waited, in seconds. */
  oldest: number;
}

/** The minutes of one day, oldest first. */
export interface Day {
  /** The date at the hotline. */
  readonly date: string;
  readonly minutes: readonly Minute[];
}

const NOTHING = { arrived: 0, answered: 0, inTime: 0, abandoned: 0, ended: 0, reached: 0, waited: 0, depth: 0, oldest: 0 };

/** Counts a delta in. */
export function counted(day: Day, delta: Delta): Day {
  switch (delta.event) {
    case "call_arrived":
      return delta.resumed ? day : inMinute(day, delta.at, (minute) => ({ arrived: minute.arrived + 1 }));
    case "call_connected":
      return inMinute(day, delta.at, (minute) => ({
        answered: minute.answered + 1,
        inTime: minute.inTime + (delta.waited_ms <= ANSWER_WITHIN ? 1 : 0),
        waited: minute.waited + delta.waited_ms / 1000,
      }));
    case "call_ended":
      return inMinute(day, delta.at, (minute) => ({
        ended: minute.ended + 1,
        reached: minute.reached + (delta.outcome === "answered" ? 1 : 0),
        abandoned: minute.abandoned + (delta.outcome === "abandoned" ? 1 : 0),
      }));
    default:
      return day;
  }
}

/** Notes how the queue stands at `now`; once a second and after each delta is often enough. */
export function sampled(day: Day, now: number, { depth, oldest }: Figures): Day {
  const wait = oldest === null ? 0 : Math.max(0, now - oldest) / 1000;
  const minute = day.minutes[day.minutes.length - 1];
  if (minute && minute.at === Math.floor(now / MINUTE) && depth <= minute.depth && wait <= minute.oldest) return day;
  return inMinute(day, now, (before) => ({
    depth: Math.max(before.depth, depth),
    oldest: Math.max(before.oldest, wait),
  }));
}

/** The day without what lies ahead of `now`, as when an engine's clock was set back. */
export function until(day: Day, now: number): Day {
  const number = Math.floor(now / MINUTE);
  const last = day.minutes[day.minutes.length - 1];
  if (!last || last.at <= number) return day;
  return { ...day, minutes: day.minutes.filter(({ at }) => at <= number) };
}

function inMinute(day: Day, at: number, change: (minute: Minute) => Partial<Minute>): Day {
  const number = Math.floor(at / MINUTE);
  // What is told after a resume may be some minutes old, never more than what the server keeps.
  let index = day.minutes.length;
  while (index > 0 && (day.minutes[index - 1] as Minute).at > number) index -= 1;
  const known = day.minutes[index - 1]?.at === number;
  const minute = known ? (day.minutes[index - 1] as Minute) : { at: number, ...NOTHING };
  const minutes = [
    ...day.minutes.slice(0, known ? index - 1 : index),
    { ...minute, ...change(minute) },
    ...day.minutes.slice(index),
  ];
  return { ...day, minutes: minutes.slice(-MINUTES_MAX) };
}

export interface Shares {
  readonly answered: number;
  readonly abandoned: number;
  readonly ended: number;
  /** Share of the answered calls that were answered in time; null while there is none. */
  readonly level: number | null;
  /** Share of the ended calls whose caller gave up after the first seconds. */
  readonly abandonment: number | null;
  /** Share of the ended calls that reached an operator. */
  readonly connect: number | null;
  /** Mean wait of the answered calls, in seconds. */
  readonly asa: number | null;
}

/** The shares over the day, by the same definitions as config/prometheus/rules.yml. */
export function shares(day: Day): Shares {
  const sum = { answered: 0, inTime: 0, abandoned: 0, ended: 0, reached: 0, waited: 0 };
  for (const minute of day.minutes) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += minute[key];
  }
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : null);
  return {
    answered: sum.answered,
    abandoned: sum.abandoned,
    ended: sum.ended,
    level: share(sum.inTime, sum.answered),
    abandonment: share(sum.abandoned, sum.ended),
    connect: share(sum.reached, sum.ended),
    asa: share(sum.waited, sum.answered),
  };
}
