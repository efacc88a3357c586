// Numbers outside that a call may be given to.

/** What people write between the digits of a number. */
const BETWEEN = /[\s().\-–/]/g;

const NUMBER = /^\+?[0-9]{1,32}$/;

/** The number that was typed, without what only makes it legible; null if it is none. */
export function numberOf(typed: string): string | null {
  const number = typed.replace(BETWEEN, "");
  return NUMBER.test(number) ? number : null;
}

/** Whether one of hello's `transfer_numbers` has it: a star at the end stands for any digits. */
export function isAllowed(number: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? number.startsWith(pattern.slice(0, -1)) : number === pattern,
  );
}
