// The day so far, kept in the browser, so that reloading the page does not forget it.

import type { Day, Minute } from "./day";

const KEY = "holdfast.day";

/** The fields of a minute as they are stored, in this order. */
const FIELDS = [
  ...["at", "arrived", "answered", "inTime", "abandoned", "ended", "reached", "waited", "depth", "oldest"],
] as (keyof Minute)[];

/** What was kept of `date` at the hotline of that name; an empty day if there is nothing. */
export function kept(hotline: string, date: string): Day {
  const nothing = { date, minutes: [] };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "null") as { hotline: string; date: string; rows: unknown };
    if (stored?.hotline !== hotline || stored.date !== date || !Array.isArray(stored.rows)) return nothing;
    return { date, minutes: stored.rows.filter(isRow).map(minute) };
  } catch {
    return nothing;
  }
}

/** Keeps a day, in place of the one before. */
export function keep(hotline: string, { date, minutes }: Day): void {
  const rows = minutes.map((minute) => FIELDS.map((field) => Math.round(minute[field])));
  try {
    localStorage.setItem(KEY, JSON.stringify({ hotline, date, rows }));
  } catch {
    // No room or not allowed: the day then lasts as long as the page.
  }
}

function isRow(row: unknown): row is number[] {
  return Array.isArray(row) && row.length === FIELDS.length && row.every(Number.isFinite);
}

function minute(row: number[]): Minute {
  return Object.fromEntries(FIELDS.map((field, index) => [field, row[index]])) as unknown as Minute;
}
