// The real engine, under a configuration made for the test, and the real peers that call it and answer.

import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Place, type Process } from "./place";

/** The password of every operator and supervisor in these tests. */
export const SECRET = "correct-horse-battery";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env["HOLDFAST_BIN"] ?? `${ROOT}/target/debug/holdfast`;

/** How often the engine is asked whether it is ready, and how often before that is given up: half a minute. */
const ASK_EVERY_MS = 50;
const ASKED_MAX = 600;

export interface Settings {
  /** Operators by name; those with an address have a phone there that needs not register. */
  operators: Record<string, string | null>;
  /** Further lines of TOML: of the queue, and whole sections. */
  queue?: string;
  trunk?: string;
  feed?: string;
  tables?: string;
  lines?: number;
}

export class Engine {
  private process: Process | null = null;
  private readonly config: string;

  private constructor(
    private readonly place: Place,
    readonly address: string,
    settings: Settings,
  ) {
    this.config = place.write("holdfast.toml", toml(settings, address, place.dir));
  }

  /** Starts an engine on a Monday morning at ten, and waits until it is ready. */
  static async start(place: Place, settings: Settings): Promise<Engine> {
    const engine = new Engine(place, place.address(), settings);
    await engine.again();
    return engine;
  }

  get url(): string {
    return `http://${this.address}:8080`;
  }

  /** Starts it where it was ended. */
  async again(): Promise<void> {
    const started = this.place.start("holdfast", BINARY, ["serve", "--config", this.config]);
    this.process = started;
    for (let asked = 0; !(await this.isReady()); asked += 1) {
      if (!started.running || asked === ASKED_MAX) throw new Error(`the engine did not start:\n${started.tail()}`);
      await rest(ASK_EVERY_MS);
    }
  }

  /** Ends it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    await this.process?.kill();
  }

  /** `count` callers, one after the other, who stay until the other side hangs up. */
  callers(count: number, first = "13800000001", perSecond = 100): Process {
    const numbers = Array.from({ length: count }, (_, index) => `${BigInt(first) + BigInt(index)};`);
    const address = this.place.address();
    return this.call("caller_stays", address, numbers, perSecond);
  }

  /** A caller who gives up after `ms`. */
  givesUp(number: string, ms: number): Process {
    return this.call("caller_gives_up", this.place.address(), [`${number};`], 100, ["-d", String(ms)]);
  }

  private call(scenario: string, address: string, numbers: string[], perSecond: number, args: string[] = []): Process {
    const count = numbers.length;
    const list = this.place.write(`callers-${address}.csv`, ["SEQUENTIAL", ...numbers, ""].join("\n"));
    const rate = ["-m", String(count), "-l", String(count), "-r", String(perSecond)];
    return this.sipp(scenario, address, [`${this.address}:5060`, "-s", "hotline", "-inf", list, ...rate, ...args]);
  }

  /** A phone at an address; by default one that is picked up at once, and the other side hangs up. */
  phone(address: string, scenario = "operator_answers", args: string[] = []): Process {
    return this.sipp(scenario, address, args);
  }

  private sipp(scenario: string, address: string, args: string[]): Process {
    const file = `${ROOT}/sip-fixtures/sipp/${scenario}.xml`;
    const own = ["-sf", file, "-i", address, "-mi", address, "-p", "5060", "-nostdin"];
    return this.place.start(`${scenario}-${address}`, "sipp", [...args, ...own]);
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }
}

function toml(settings: Settings, address: string, dir: string): string {
  const { operators, queue = "", trunk = "", feed = "", tables = "", lines = 12 } = settings;
  const people = Object.entries(operators).map(
    ([name, phone]) => `
[[operators]]
name = "${name}"
secret = "${SECRET}"
${phone === null ? "" : `contact = "sip:${name}@${phone}:5060"`}
`,
  );
  return `
name = "Hotline"
pause_reasons = ["meal", "training"]
[engine]
clock_start = "2026-11-23T10:00:00+08:00"
drain_timeout = "1s"
[journal]
dir = "${dir}/journal"
[schedule]
time_zone = "Asia/Shanghai"
lines_otherwise = 4
windows = [{ days = ["mon-fri"], from = "08:00", to = "18:00", lines = ${lines} }]
[sip]
listen = ["udp:${address}:5060", "tcp:${address}:5060"]
[media]
bind_v4 = "${address}"
ports = "20000-24999"
audio_dir = "${ROOT}/config"
[feed]
listen = "${address}:8080"
${feed}
[[supervisors]]
name = "supervisor"
console_secret = "${SECRET}"
[[trunks]]
name = "loopback"
from = ["127.0.0.0/8"]
${trunk}
[[queues]]
name = "hotline"
dial = ["hotline"]
${queue}
${people.join("")}
${tables}`;
}
