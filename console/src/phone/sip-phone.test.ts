import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Agent, AgentCall, AgentEvents, CallEvents } from "./agent";
import { SipPhone } from "./sip-phone";

/** A SIP library that does what the test says, and notes what it was told. */
class Made implements Agent {
  readonly said: string[] = [];
  events!: AgentEvents;
  reachable = true;

  async connect(): Promise<void> {
    this.said.push("connect");
    await Promise.resolve();
    if (!this.reachable) throw new Error("unreachable");
    this.events.connected();
  }
  async register(): Promise<void> {
    this.said.push("register");
    this.events.registered(true);
  }
  async dial(to: string, _: MediaTrackConstraints, events: CallEvents): Promise<AgentCall> {
    this.said.push(`dial ${to}`);
    if (to === "nobody") throw new Error("no such number");
    const call = new MadeCall(this.said);
    call.events = events;
    this.dialled = call;
    return call;
  }
  dialled: MadeCall | null = null;
  close(): void {
    this.said.push("close");
  }

  /** Somebody calls. */
  rings(): MadeCall {
    const call = new MadeCall(this.said);
    call.events = this.events.rings(call);
    return call;
  }
}

class MadeCall implements AgentCall {
  events: CallEvents | null = null;
  refuses: string | null = null;

  constructor(private readonly said: string[]) {}
  async answer(): Promise<void> {
    this.said.push("answer");
    if (this.refuses !== null) throw new Error(this.refuses);
    this.events?.up();
  }
  end(): void {
    this.said.push("end");
  }
  mute(on: boolean): void {
    this.said.push(`mute ${on}`);
  }
  key(digit: string): void {
    this.said.push(`key ${digit}`);
  }
  refresh(): void {
    this.said.push("refresh");
  }
}

const settled = () => vi.advanceTimersByTimeAsync(0);

function phone(registers = true) {
  const agent = new Made();
  let ringing = 0;
  const ears = {
    ring: () => {
      ringing += 1;
      return () => void (ringing -= 1);
    },
    listen: () => undefined,
  };
  const made = new SipPhone(
    (events) => {
      agent.events = events;
      return agent;
    },
    ears,
    { registers, microphone: {} },
  );
  made.start();
  return { phone: made, agent, ringing: () => ringing };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the line", () => {
  test("is ready once registered, and again after the connection was lost", async () => {
    const { phone: it, agent } = phone();
    expect(it.line).toBe("connecting");
    await settled();
    expect(it.line).toBe("ready");
    agent.reachable = false;
    agent.events.disconnected();
    expect(it.line).toBe("connecting");
    await vi.advanceTimersByTimeAsync(10_000);
    const tries = agent.said.filter((word) => word === "connect").length;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(10);
    agent.reachable = true;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(it.line).toBe("ready");
  });

  test("of a caller's page needs no registration", async () => {
    const { phone: it, agent } = phone(false);
    await settled();
    expect([it.line, agent.said]).toEqual(["ready", ["connect"]]);
  });

  test("stays closed once it was closed", async () => {
    const { phone: it, agent } = phone();
    await settled();
    it.close();
    agent.events.disconnected();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([it.line, agent.said]).toEqual(["off", ["connect", "register", "close"]]);
  });
});

describe("a call", () => {
  test("rings until it is answered, and is over when the other side hangs up", async () => {
    const { phone: it, agent, ringing } = phone();
    await settled();
    const call = agent.rings();
    expect([it.call, ringing()]).toEqual(["rings", 1]);
    it.answer();
    await settled();
    expect([it.call, ringing()]).toEqual(["up", 0]);
    it.mute(true);
    it.key("5");
    it.key("x");
    await settled();
    expect(it.muted).toBe(true);
    expect(agent.said.slice(2)).toEqual(["answer", "mute true", "key 5"]);
    call.events?.over();
    expect([it.call, it.muted]).toEqual(["none", false]);
  });

  test("that is declined, or given up by the caller, rings no more", async () => {
    const { phone: it, agent, ringing } = phone();
    await settled();
    agent.rings();
    it.hangUp();
    expect([it.call, ringing(), agent.said.at(-1)]).toEqual(["none", 0, "end"]);
    agent.rings().events?.over();
    expect([it.call, ringing()]).toEqual(["none", 0]);
  });

  test("comes alone", async () => {
    const { phone: it, agent } = phone();
    await settled();
    const first = agent.rings();
    expect(agent.rings().events).toBeNull();
    it.answer();
    await settled();
    expect(agent.rings().events).toBeNull();
    first.events?.over();
    expect(agent.rings().events).not.toBeNull();
  });

  test("without a microphone is declined, and it is said why", async () => {
    const { phone: it, agent } = phone();
    await settled();
    const call = agent.rings();
    call.refuses = "Permission denied";
    it.answer();
    await settled();
    expect(it.call).toBe("none");
    expect(it.trouble).toEqual({ what: "microphone", detail: "Permission denied" });
    expect(agent.said.at(-1)).toBe("end");
    agent.rings();
    expect(it.trouble).toBeNull();
  });

  test("outlives a lost connection, and the other side is told where we are", async () => {
    const { phone: it, agent } = phone();
    await settled();
    agent.rings();
    it.answer();
    await settled();
    agent.events.disconnected();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(it.call).toBe("up");
    expect(agent.said.slice(-3)).toEqual(["connect", "register", "refresh"]);
  });
});

describe("a caller's page", () => {
  test("dials, and ends with the call", async () => {
    const { phone: it, agent } = phone(false);
    await settled();
    it.dial("hotline");
    expect(it.call).toBe("rings");
    await settled();
    agent.dialled?.events?.up();
    expect(it.call).toBe("up");
    agent.dialled?.events?.over();
    expect(it.call).toBe("none");
  });

  test("says why a call did not come about", async () => {
    const { phone: it } = phone(false);
    await settled();
    it.dial("nobody");
    await settled();
    expect([it.call, it.trouble]).toEqual(["none", { what: "call", detail: "no such number" }]);
  });
});
