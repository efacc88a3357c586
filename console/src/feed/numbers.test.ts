import { describe, expect, it } from "vitest";
import { isAllowed, numberOf } from "./numbers";

describe("a number outside", () => {
  it("is read as people write it", () => {
    expect(numberOf(" +86 (10) 1234-5678 ")).toBe("+861012345678");
    expect(numberOf("139 0000 0001")).toBe("13900000001");
    for (const none of ["", "+", "Anne", "139x", "sip:139@x", "1+39", "1".repeat(33)]) expect(numberOf(none)).toBeNull();
  });

  it("is allowed by what it begins with, or as a whole", () => {
    const patterns = ["010*", "12345", "+*"];
    for (const number of ["0101", "010", "12345", "+8613"]) expect(isAllowed(number, patterns)).toBe(true);
    for (const number of ["01", "123456", "139"]) expect(isAllowed(number, patterns)).toBe(false);
    expect(isAllowed("139", [])).toBe(false);
  });
});
