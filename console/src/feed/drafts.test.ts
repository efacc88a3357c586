import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer } from "./connection";
import { Drafts, type Form, type Shelf } from "./drafts";
import type { Order } from "./wire";

const form = (text: string): Form => ({ outcome: "resolved", categories: ["noise"], text });
const OK = { type: "ok", id: "1" } as Answer;
const refused = (code: string) => ({ type: "refused", id: "1", code, message: "" }) as Answer;

class Drawer implements Shelf {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

/** An engine that answers as it is told, in order; the last answer goes on. */
function desk(answers: (Answer | Promise<Answer>)[], shelf: Shelf | null = new Drawer()) {
  const asked: Order[] = [];
  const ask = async (order: Order) => {
    asked.push(order);
    return (answers.length > 1 ? answers.shift() : answers[0]) as Answer;
  };
  const texts = () => asked.map((order) => (order.do === "save_form" ? order.text : order.do));
  return { drafts: new Drafts("1001", ask, shelf, () => undefined), texts, shelf };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a form", () => {
  it("is saved when typing pauses, as a whole", async () => {
    const { drafts, texts } = desk([OK]);
    for (const text of ["a", "a d", "a do", "a dog"]) {
      drafts.type(7, form(text));
      await vi.advanceTimersByTimeAsync(100);
    }
    expect([drafts.standing(7), texts()]).toEqual(["typing", []]);
    await vi.advanceTimersByTimeAsync(400);
    expect([drafts.standing(7), texts()]).toEqual(["saved", ["a dog"]]);
    expect(drafts.of(7)).toEqual(form("a dog"));
  });

  it("that grew while it was saved is saved again", async () => {
    let answer: (answer: Answer) => void = () => undefined;
    const slow = new Promise<Answer>((resolve) => (answer = resolve));
    const { drafts, texts } = desk([slow, OK]);
    drafts.type(7, form("a dog"));
    await vi.advanceTimersByTimeAsync(400);
    drafts.type(7, form("a dog barks"));
    answer(OK);
    await vi.advanceTimersByTimeAsync(0);
    expect(drafts.standing(7)).toBe("typing");
    await vi.advanceTimersByTimeAsync(400);
    expect([drafts.standing(7), texts()]).toEqual(["saved", ["a dog", "a dog barks"]]);
  });

  it("that nobody could take is kept, and tried until somebody can", async () => {
    const { drafts, texts } = desk([null, refused("records_unavailable"), OK]);
    drafts.type(7, form("a dog"));
    await vi.advanceTimersByTimeAsync(400);
    expect(drafts.standing(7)).toBe("kept");
    await vi.advanceTimersByTimeAsync(3_000);
    expect(drafts.standing(7)).toBe("kept");
    await vi.advanceTimersByTimeAsync(3_000);
    expect([drafts.standing(7), texts()]).toEqual(["saved", ["a dog", "a dog", "a dog"]]);
  });

  it("that is refused for good is not tried again, and not thrown away", async () => {
    const { drafts, texts, shelf } = desk([refused("not_their_call")]);
    drafts.type(7, form("a dog"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect([drafts.standing(7), texts()]).toEqual(["refused", ["a dog"]]);
    expect(shelf?.getItem("holdfast.forms.1001")).toContain("a dog");
  });
});

describe("a page that is opened again", () => {
  it("saves what the one before could not", async () => {
    const shelf = new Drawer();
    const before = desk([null], shelf);
    before.drafts.type(7, form("a dog"));
    before.drafts.type(8, form("a cat"));
    const { drafts, texts } = desk([OK], shelf);
    expect(drafts.of(7)).toEqual(form("a dog"));
    await vi.advanceTimersByTimeAsync(0);
    expect([texts(), drafts.standing(7), drafts.standing(8)]).toEqual([["a dog", "a cat"], "saved", "saved"]);
    const again = desk([OK], shelf);
    await vi.advanceTimersByTimeAsync(0);
    expect([again.drafts.of(7), again.texts()]).toEqual([null, []]);
  });

  it("knows nothing of another operator's, nor of what is no form", async () => {
    const shelf = new Drawer();
    shelf.setItem("holdfast.forms.1002", JSON.stringify([{ call: 7, typed: Date.now(), form: form("hers") }]));
    shelf.setItem("holdfast.forms.1001", JSON.stringify([{ call: 7 }, null, 5, { call: 8, typed: 0, form: form("old") }]));
    const { drafts, texts } = desk([OK], shelf);
    await vi.advanceTimersByTimeAsync(0);
    expect([drafts.of(7), drafts.of(8), texts()]).toEqual([null, null, []]);
  });

  it("does without a place that outlives it", async () => {
    const { drafts } = desk([OK], null);
    drafts.type(7, form("a dog"));
    await vi.advanceTimersByTimeAsync(400);
    expect(drafts.standing(7)).toBe("saved");
  });
});
