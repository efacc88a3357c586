// The table of docs/feed.md, row by row, and a recorded exchange played back.

import { describe, expect, it } from "vitest";
import recorded from "./recorded.json";
import { type QueueState, after, fromSnapshot } from "./state";
import type { Call, Change, Delta, Message, Operator, Snapshot } from "./wire";

const AT = 1_763_888_400_000;

const anne: Operator = { operator: "1001", state: "available", since: AT, phone: true, answered: 2 };
const bert: Operator = { operator: "1002", state: "signed_off", since: AT, phone: false, answered: 7 };
const caller: Call = {
  ...{ call: 7, queue: "hotline", trunk: "city", caller: "13800000007", ticket: 7, since: AT - 5000 },
  ...{ line: true, stage: "admitted" },
};
const start: Snapshot = {
  ...{ type: "snapshot", epoch: 1, seq: 10, at: AT, lines: 12, lines_in_use: 1, next_change: null, next_lines: null },
  ...{ draining: false, calls: [caller], operators: [anne, bert] },
};

/** The state after some changes, each a second after the one before. */
function play(changes: Change[], from: Snapshot = start): QueueState {
  return changes.reduce<QueueState>((state, change, index) => {
    const delta = { type: "delta", seq: state.seq + 1, at: AT + index * 1000, ...change } as Delta;
    const next = after(state, delta);
    if (!next) throw new Error(`${change.event} is no successor`);
    return next;
  }, fromSnapshot(from));
}

const call = (state: QueueState, id: number) => state.calls.find((call) => call.call === id);
const operator = (state: QueueState, name: string) => state.operators.find((one) => one.operator === name);

const arrives = (id: number, ticket: number): Change => ({
  ...{ event: "call_arrived", call: id, queue: "hotline", trunk: "city", caller: null, ticket, since: AT },
  resumed: ticket < id,
});
const why = { age_ms: 1, idle_ms: 1, waiting: 1, eligible: 1, attempt: 1, relaxed: false, favourite: false };
const assigned = (to: string): Change => ({ event: "call_assigned", call: 7, operator: to, why }) as Change;
const reserved = (name: string): Change =>
  ({ event: "operator_changed", operator: name, state: "reserved", call: 7, until: AT + 20_000, after_ms: 0 }) as Change;
const connected: Change = { event: "call_connected", call: 7, operator: "1001", waited_ms: 5000, rang_ms: 1000 };

describe("a delta", () => {
  it("is refused unless it follows", () => {
    const state = fromSnapshot(start);
    for (const seq of [9, 10, 12]) {
      expect(after(state, { type: "delta", seq, at: AT, event: "draining" })).toBeNull();
    }
    expect(after(state, { type: "delta", seq: 11, at: AT, event: "draining" })?.seq).toBe(11);
  });

  it("never changes the state it is applied to", () => {
    const state = Object.freeze(fromSnapshot(structuredClone(start)));
    const before = structuredClone(state);
    after(state, { type: "delta", seq: 11, at: AT, ...connected } as Delta);
    expect(state).toEqual(before);
  });

  it("that is not known changes nothing but the number", () => {
    const state = play([{ event: "moon_rose" } as unknown as Change]);
    expect(state).toEqual({ ...fromSnapshot(start), seq: 11 });
  });
});

describe("calls", () => {
  it("are inserted by ticket; a place taken up again goes before younger ones", () => {
    const state = play([arrives(8, 8), arrives(9, 3)]);
    expect(state.calls.map(({ call }) => call)).toEqual([9, 7, 8]);
    expect(call(state, 8)).toMatchObject({ stage: "queued", line: false });
  });

  it("of equal tickets stand by number: a call-back behind the call that asked for it", () => {
    const { resumed: _, ...promise } = arrives(8, 7) as Extract<Change, { event: "call_arrived" }>;
    const state = play([{ ...promise, event: "call_back_promised", from: 7 } as Change]);
    expect(state.calls.map(({ call, call_back }) => [call, call_back])).toEqual([
      [7, undefined],
      [8, true],
    ]);
  });

  it("hold a line from admission on", () => {
    const state = play([arrives(8, 8), { event: "call_admitted", call: 8, waited_ms: 0 }]);
    expect(call(state, 8)).toMatchObject({ stage: "admitted", line: true });
  });

  it("that ring at several phones show the first operator by the list's order", () => {
    const state = play([reserved("1002"), assigned("1002"), reserved("1001"), assigned("1001")]);
    expect(call(state, 7)).toMatchObject({ stage: "ringing", operator: "1001" });
    const one = play([reserved("1001"), assigned("1001"), reserved("1002"), assigned("1002")]);
    expect(call(one, 7)).toMatchObject({ stage: "ringing", operator: "1001" });
  });

  it("return to the next phone that rings, or to the queue", () => {
    const back = (name: string): Change => ({
      ...{ event: "call_returned", call: 7, operator: name, cause: "declined", rang_ms: 1 },
    });
    const both = [reserved("1001"), assigned("1001"), reserved("1002"), assigned("1002")];
    expect(call(play([...both, back("1001")]), 7)).toMatchObject({ stage: "ringing", operator: "1002" });
    const none = call(play([reserved("1001"), assigned("1001"), back("1001")]), 7);
    expect(none).toMatchObject({ stage: "admitted" });
    expect(none).not.toHaveProperty("operator");
  });

  it("talk, are held, and count for their operator", () => {
    const state = play([connected, { event: "call_held", call: 7, held: true }]);
    expect(call(state, 7)).toMatchObject({ stage: "talking", operator: "1001", connected: AT, held: true });
    expect(operator(state, "1001")?.answered).toBe(3);
  });

  it("show a second operator, until that one has the call or is gone", () => {
    const third = { operator: "1002", role: "consulted" } as const;
    const asked: Change = { event: "third_changed", call: 7, third };
    expect(call(play([connected, asked]), 7)).toMatchObject({ operator: "1001", third });
    expect(call(play([connected, asked, { event: "third_changed", call: 7, third: null }]), 7)).not.toHaveProperty("third");
    const given = call(play([connected, asked, { event: "call_transferred", call: 7, operator: "1001", to: "1002" }]), 7);
    expect(given).toEqual({ ...caller, stage: "ringing", operator: "1002", transferred_by: "1001" });
  });

  it("show a number outside that is asked, until it has the call", () => {
    const third = { number: "13900000001", role: "ringing" } as const;
    const asked: Change = { event: "third_changed", call: 7, third };
    expect(call(play([connected, asked]), 7)).toMatchObject({ operator: "1001", third });
    const sent: Change = { event: "call_sent_outside", call: 7, operator: "1001", number: "13900000001" };
    expect(call(play([connected, asked, sent]), 7)).not.toHaveProperty("third");
  });

  it("are given to a number outside, and talk with it or come back", () => {
    const sent: Change = { event: "call_sent_outside", call: 7, operator: "1001", number: "13900000001" };
    const ringing = { ...caller, stage: "ringing", outside: "13900000001", transferred_by: "1001" };
    expect(call(play([connected, sent]), 7)).toEqual(ringing);
    const talking = call(play([connected, sent, { event: "outside_answered", call: 7 }]), 7);
    expect(talking).toEqual({ ...ringing, stage: "forwarded", line: false });
    const back: Change = { event: "outside_failed", call: 7, cause: "busy", rang_ms: 900 };
    expect(call(play([connected, sent, back]), 7)).toEqual({ ...caller, stage: "admitted", transferred_by: "1001" });
  });

  it("leave, are forwarded, and end", () => {
    const leaving = call(play([connected, { event: "call_leaving", call: 7, outcome: "closed" }]), 7);
    expect(leaving).toEqual({ ...caller, stage: "leaving" });
    const forwarded = call(play([{ event: "call_forwarded", call: 7, forward: "sip:desk@x" }]), 7);
    expect(forwarded).toEqual({ ...caller, stage: "forwarded", forward: "sip:desk@x", line: false });
    const ended: Change = {
      ...{ event: "call_ended", call: 7, operator: null, outcome: "closed", waited_ms: 0, talked_ms: 0, held_ms: 0 },
      place_kept: false,
    };
    expect(play([ended]).calls).toEqual([]);
  });

  it("say what the operator must know, until nothing more", () => {
    const chose = (needs: string[]): Change => ({ event: "call_chose", call: 7, needs });
    expect(call(play([chose(["english"])]), 7)?.needs).toEqual(["english"]);
    expect(call(play([chose(["english"]), chose([])]), 7)).not.toHaveProperty("needs");
  });

  it("that are called back show who does it", () => {
    const state = play([{ event: "caller_dialled", call: 7, operator: "1001" }]);
    expect(call(state, 7)).toMatchObject({ stage: "calling_back", operator: "1001" });
  });
});

describe("operators", () => {
  it("begin to count anew when they sign on, and lose what belonged to the state before", () => {
    const paused: Change = {
      ...{ event: "operator_changed", operator: "1002", state: "paused", reason: "not_ready", after_ms: 0 },
    };
    const state = play([paused]);
    expect(operator(state, "1002")).toEqual({
      ...{ operator: "1002", state: "paused", reason: "not_ready", since: AT, phone: false, answered: 0 },
    });
    const ready: Change = { event: "operator_changed", operator: "1002", state: "available", after_ms: 1 };
    expect(operator(play([paused, ready]), "1002")).not.toHaveProperty("reason");
  });

  it("have phones that come and go", () => {
    expect(operator(play([{ event: "phone_changed", operator: "1002", registered: true }]), "1002")?.phone).toBe(true);
  });
});

it("lines and the engine's stopping", () => {
  const change: Change = { event: "capacity_changed", lines: 4, before: 12, next_change: AT, next_lines: 12 };
  const state = play([change, { event: "draining" }]);
  expect(state).toMatchObject({ lines: 4, next_change: AT, next_lines: 12, draining: true });
  expect(play([{ event: "draining" }, { event: "started" }]).draining).toBe(false);
});

it("a recorded exchange leads from its first snapshot to its last", () => {
  const { messages, last } = recorded as unknown as { messages: Message[]; last: Snapshot };
  let state: QueueState | null = null;
  for (const message of messages) {
    if (message.type === "snapshot") state = fromSnapshot(message);
    if (message.type === "delta") state = state && after(state, message);
    expect(message.type === "hello" || state !== null).toBe(true);
  }
  expect(state).toEqual(fromSnapshot(last));
});
