import { describe, expect, it } from "vitest";
import { NOTHING_MONITORED, monitored } from "./monitored";

describe("what else becomes of calls", () => {
  const recorded = { call: 7, recorded: true };
  const listened = { call: 8, recorded: false, listener: { phone: "9001", mode: "listen" } } as const;
  const both = monitored(NOTHING_MONITORED, { whole: true, calls: [recorded, listened] });

  it("is all that was told", () => {
    expect([...both.values()]).toEqual([recorded, listened]);
  });

  it("changes call by call", () => {
    const more = { ...listened, recorded: true };
    const now = monitored(both, { calls: [{ call: 7, recorded: false }, more] });
    expect([...now.values()]).toEqual([more]);
    expect(both.size).toBe(2);
  });

  it("is replaced as a whole", () => {
    expect(monitored(both, { whole: true, calls: [] }).size).toBe(0);
  });
});
