// The day so far, minute by minute: what the curves and the shares are drawn from. The engine tells what happened before
// this page watched, and the page counts on from there; without records it says since when it watches.

import type { Figures } from "./figures";
import type { Call, DayMessage, Delta } from "./wire";

export const MINUTE = 60_000;

/** Minutes kept at most: one day. */
export const MINUTES_MAX = 1440;

/** What one minute saw. */
export interface Minute {
  /** Minutes since 1970-01-01T00:00Z. */
  at: number;
  /** Callers who came, a place taken up again not counted. */
  arrived: number;
  answered: number;
  /** Of these, as soon as the service level asks for. */
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
  /** From when on it is known; null while nothing is. */
  readonly since: number | null;
  /** The last delta that the engine has counted in already. */
  readonly through: number;
  readonly minutes: readonly Minute[];
}

const NOTHING = { arrived: 0, answered: 0, inTime: 0, abandoned: 0, ended: 0, reached: 0, waited: 0, depth: 0, oldest: 0 };

export const NO_DAY: Day = { date: "", since: null, through: 0, minutes: [] };

/** The day as the engine tells it. */
export function recorded({ seq, since, minutes }: DayMessage, date: string): Day {
  const read: Minute[] = [];
  for (const [at, arrived, answered, inTime, abandoned, ended, reached, waited, depth, oldest] of minutes) {
    // Those in which nothing was are left out.
    const last = read[read.length - 1]?.at ?? at - 1;
    for (let quiet = Math.max(last + 1, at - MINUTES_MAX); quiet < at; quiet += 1) read.push({ at: quiet, ...NOTHING });
    const counts = { arrived, answered, inTime, abandoned, ended, reached };
    read.push({ at, ...counts, waited: waited / 1000, depth, oldest: oldest / 1000 });
  }
  return { date, since, through: seq, minutes: read.slice(-MINUTES_MAX) };
}

/**
 * Counts a delta in, before which the calls stood as `calls` has it, unless the engine has. Answered within `answerWithin`
 * milliseconds is answered in time.
 */
export function counted(day: Day, delta: Delta, answerWithin: number, calls: readonly Call[]): Day {
  if (delta.seq <= day.through) return day;
  switch (delta.event) {
    case "call_arrived":
      return delta.resumed ? day : inMinute(day, delta.at, (minute) => ({ arrived: minute.arrived + 1 }));
    case "call_connected":
      // A transferred call was answered before.
      if (calls.some(({ call, transferred_by }) => call === delta.call && transferred_by !== undefined)) return day;
      return inMinute(day, delta.at, (minute) => ({
        answered: minute.answered + 1,
        inTime: minute.inTime + (delta.waited_ms <= answerWithin ? 1 : 0),
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
