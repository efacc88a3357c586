// Numbers and times as people read them.

/** Milliseconds as `m:ss`, or `h:mm:ss` from an hour on. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A share between 0 and 1 as whole percent; a dash while there is none. */
export function percent(share: number | null): string {
  return share === null ? "–" : `${Math.round(share * 100)}%`;
}

/** Making one takes longer than using it a hundred times. */
const formats = new Map<string | undefined, Intl.DateTimeFormat>();

function formatOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    hourCycle: "h23",
    ...(timeZone && { timeZone }),
  });
  formats.set(timeZone, format);
  return format;
}

/** The digits of a date and time of day at a place. */
function parts(moment: number, timeZone: string | undefined): Record<string, number> {
  const digits = formatOf(timeZone).formatToParts(moment);
  return Object.fromEntries(digits.map(({ type, value }) => [type, Number(value)]));
}

/** A moment as the time of day at the hotline, `HH:MM` or `HH:MM:SS`. */
export function timeOfDay(moment: number, timeZone: string | undefined, seconds = false): string {
  const { hour, minute, second } = parts(moment, timeZone);
  const digits = seconds ? [hour, minute, second] : [hour, minute];
  return digits.map((n) => String(n).padStart(2, "0")).join(":");
}

/** The date at the hotline, `YYYY-MM-DD`. */
export function dateOf(moment: number, timeZone: string | undefined): string {
  const { year, month, day } = parts(moment, timeZone);
  return [year, month, day].map((n) => String(n).padStart(2, "0")).join("-");
}

/** How far the clocks of a place are ahead of UTC at a moment, in milliseconds. */
function offset(moment: number, timeZone: string | undefined): number {
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts(moment, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(moment / 1000) * 1000;
}

/**
 * The next moment after `now` at which clocks at the hotline show `HH:MM`; null if that is no time of day. Where clocks
 * are put forward over it, the moment that would have shown it.
 */
export function nextTimeOfDay(text: string, now: number, timeZone: string | undefined): number | null {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  const [hour, minute] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || hour > 23 || minute > 59) return null;
  const { year = 0, month = 1, day = 1 } = parts(now, timeZone);
  for (const ahead of [0, 1, 2]) {
    const local = Date.UTC(year, month - 1, day + ahead, hour, minute);
    const guess = local - offset(local, timeZone);
    const moment = local - offset(guess, timeZone);
    if (moment > now) return moment;
  }
  return null;
}
