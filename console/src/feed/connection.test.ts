// The connection against a server that does what it is told, with the clock under control.

import { thresholdsOf } from "./thresholds";
import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Connection } from "./connection";
import type { Message, Snapshot } from "./wire";

/** A socket whose other end is the test. */
class Wire {
  static readonly opened: Wire[] = [];
  readonly sent: Record<string, unknown>[] = [];
  onmessage: (event: { data: string }) => void = () => {};
  onclose: (event: { code: number }) => void = () => {};

  constructor(readonly url: URL) {
    Wire.opened.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close(): void {}
  says(...messages: object[]): void {
    for (const message of messages) this.onmessage({ data: JSON.stringify(message) });
  }
  breaks(code = 1006): void {
    this.onclose({ code });
  }
}

const hello = (more: object = {}): Message =>
  ({
    ...{ type: "hello", protocol: 1, epoch: 9, server_time: 1_000_000, clock_rate: 1, heartbeat_s: 15 },
    ...{ role: "wallboard", queues: ["hotline"], pause_reasons: [], thresholds: thresholdsOf(null) },
    ...more,
  }) as Message;
const snapshot = (seq: number): Snapshot => ({
  ...{ type: "snapshot", epoch: 9, seq, at: 1_000_000, lines: 12, lines_in_use: 0, next_change: null, next_lines: null },
  ...{ draining: false, calls: [], operators: [] },
});
const delta = (seq: number) => ({ type: "delta", seq, at: 1_000_000, event: "draining" });

let connection: Connection;
const told: string[] = [];
const latest = () => Wire.opened[Wire.opened.length - 1] as Wire;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  // Node 18 has it under this name alone.
  vi.stubGlobal("crypto", webcrypto);
  Wire.opened.length = 0;
  told.length = 0;
  connection = new Connection("http://engine:8080/wallboard", {
    changed: () => {},
    happened: ({ seq }) => told.push(`delta ${seq}`),
    replaced: ({ seq }) => told.push(`snapshot ${seq}`),
  }, false);
  connection.start();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("resuming", () => {
  it("asks for what followed, over every loss", () => {
    expect(String(latest().url)).toBe("ws://engine:8080/feed?");
    latest().says(hello(), snapshot(41), delta(42));
    latest().breaks();
    expect(connection.link).toBe("lost");
    expect(connection.state?.seq).toBe(42);
    vi.advanceTimersByTime(1000);
    expect(latest().url.search).toBe("?epoch=9&after=42");
    latest().says(hello(), delta(43));
    expect(connection.link).toBe("live");
    expect(told).toEqual(["snapshot 41", "delta 42", "delta 43"]);
  });

  it("begins anew at a gap, and at a heartbeat that knows more", () => {
    latest().says(hello(), snapshot(41), delta(43));
    expect(Wire.opened).toHaveLength(2);
    expect(latest().url.search).toBe("?epoch=9&after=41");
    latest().says(hello(), { type: "heartbeat", seq: 42, time: 1_000_500 });
    expect(Wire.opened).toHaveLength(3);
    expect(told).toEqual(["snapshot 41"]);
  });

  it("takes a snapshot at any time, also one that goes back", () => {
    latest().says(hello(), snapshot(41), snapshot(40), delta(41));
    expect(told).toEqual(["snapshot 41", "snapshot 40", "delta 41"]);
  });

  it("waits longer each time, up to a bound, and begins small again once something came", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const waits: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      const [opened, from] = [Wire.opened.length, Date.now()];
      latest().breaks();
      while (Wire.opened.length === opened) vi.advanceTimersByTime(100);
      waits.push(Date.now() - from);
    }
    expect(waits).toEqual([400, 800, 1600, 3200, 5000, 5000, 5000]);
    latest().says(hello(), snapshot(1));
    latest().breaks();
    const opened = Wire.opened.length;
    vi.advanceTimersByTime(400);
    expect(Wire.opened).toHaveLength(opened + 1);
  });

  it("does not wait for a server that is silent for two heartbeats", () => {
    latest().says(hello(), snapshot(41));
    vi.advanceTimersByTime(29_000);
    expect(connection.link).toBe("live");
    vi.advanceTimersByTime(2000);
    expect(connection.link).toBe("lost");
    expect(connection.lostAt).not.toBeNull();
  });
});

describe("the clock", () => {
  it("counts on from what the server said, at its rate", () => {
    latest().says(hello({ clock_rate: 10 }));
    vi.advanceTimersByTime(2000);
    expect(connection.now()).toBe(1_020_000);
    latest().says({ type: "heartbeat", seq: 0, time: 2_000_000 });
    expect(connection.now()).toBe(2_000_000);
  });
});

describe("commands", () => {
  it("are answered by their id", async () => {
    latest().says(hello(), snapshot(1));
    const answer = connection.ask({ do: "ready" });
    const { id } = latest().sent[0] as { id: string };
    latest().says({ type: "refused", id: "another", code: "x", message: "" }, { type: "ok", id });
    expect(await answer).toEqual({ type: "ok", id });
  });

  it("that were not answered are sent again with the same id", async () => {
    latest().says(hello(), snapshot(1));
    const answer = connection.ask({ do: "ready" });
    const first = latest().sent[0];
    latest().breaks();
    vi.advanceTimersByTime(1000);
    latest().says(hello());
    expect(latest().sent).toEqual([first]);
    latest().says({ type: "ok", id: first?.["id"] });
    expect(await answer).toMatchObject({ type: "ok" });
  });

  it("that nobody answers are given up, not repeated for ever", async () => {
    latest().says(hello(), snapshot(1));
    const answer = connection.ask({ do: "ready" });
    latest().breaks();
    vi.advanceTimersByTime(31_000);
    expect(await answer).toBeNull();
    latest().says(hello());
    expect(latest().sent).toEqual([]);
  });
});

it("a newer protocol is not guessed at", () => {
  latest().says(hello({ protocol: 2 }));
  expect(connection.link).toBe("outdated");
});

describe("signing in", () => {
  const answers = (status: number, body: object) =>
    vi.stubGlobal("fetch", vi.fn(async () => ({ status, json: async () => body })));
  const operator = (more = {}) => hello({ role: "operator", operator: "1001", ...more });

  it("begins anew, as that role", async () => {
    latest().says(hello(), snapshot(41));
    answers(200, { token: "t", role: "operator", operator: "1001", expires_in_s: 1800 });
    const answer = await connection.signIn({ name: "1001", secret: "s" });
    expect(answer).toMatchObject({ token: "t" });
    expect(connection.state).toBeNull();
    expect(latest().url.search).toBe("");
    latest().says(operator(), snapshot(50));
    expect(connection.hello?.operator).toBe("1001");
  });

  it("that is refused leaves everything as it was", async () => {
    latest().says(hello(), snapshot(41));
    answers(403, { code: "wrong_secret", message: "" });
    expect(await connection.signIn({ name: "1001", secret: "s" })).toMatchObject({ code: "wrong_secret" });
    expect(connection.state?.seq).toBe(41);
    expect(Wire.opened).toHaveLength(1);
  });

  it("is over when the same operator signs in elsewhere, or nobody renews it; then the page watches", () => {
    for (const [code, why] of [
      [4409, "replaced"],
      [4410, "expired"],
    ] as const) {
      latest().says(operator(), snapshot(50));
      latest().breaks(code);
      expect(connection.over).toEqual({ name: "1001", why });
      expect(connection.state).toBeNull();
      expect(latest().url.search).toBe("?role=wallboard");
      connection.takePart();
    }
  });

  it("is renewed at half its time, each time anew", () => {
    latest().says(operator({ expires_in_s: 40 }), snapshot(50));
    vi.advanceTimersByTime(19_000);
    expect(latest().sent).toEqual([]);
    vi.advanceTimersByTime(1000);
    expect(latest().sent).toMatchObject([{ do: "renew" }]);
  });

  it("is what a closed hotline asks for, after both ways were tried", () => {
    latest().breaks(4401);
    expect(latest().url.search).toBe("?role=wallboard");
    latest().breaks(4401);
    expect(connection.link).toBe("guest");
    const opened = Wire.opened.length;
    vi.advanceTimersByTime(60_000);
    expect(Wire.opened).toHaveLength(opened);
  });
});
