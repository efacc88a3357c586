// A test's own place: a folder that goes with it, loopback addresses nobody else uses, and processes that end with it.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Addresses a place has. */
const ADDRESSES = 60;

/** Lines of a process's output that are shown when it fails. */
const TAIL = 30;

let places = 0;

export class Place {
  readonly dir = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
  private readonly processes: Process[] = [];
  private next = 1 + (places++ % 4) * ADDRESSES;

  /** An address of its own for one more peer: 127.1.x.y, where x follows from the process. */
  address(): string {
    return `127.1.${process.pid % 250}.${this.next++}`;
  }

  write(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text);
    return path;
  }

  /** Starts a process whose output goes to a file here. */
  start(name: string, command: string, args: string[]): Process {
    const started = new Process(name, command, args, this.dir);
    this.processes.push(started);
    return started;
  }

  /** Ends all processes and removes the folder. */
  async leave(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class Process {
  private readonly child: ChildProcess;
  private readonly output: string;
  private readonly ended: Promise<void>;
  private over = false;

  constructor(
    readonly name: string,
    command: string,
    args: string[],
    dir: string,
  ) {
    this.output = join(dir, `${name}.out`);
    const file = openSync(this.output, "a");
    this.child = spawn(command, args, { cwd: dir, stdio: ["ignore", file, file] });
    closeSync(file);
    this.ended = new Promise((done) => {
      this.child.on("error", (error) => {
        writeFileSync(this.output, `${command} cannot be started: ${error.message}; run \`make setup\`\n`, { flag: "a" });
        this.over = true;
        done();
      });
      this.child.on("exit", () => {
        this.over = true;
        done();
      });
    });
  }

  get running(): boolean {
    return !this.over;
  }

  /** Waits until it has ended by itself. */
  async done(): Promise<void> {
    await this.ended;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** Ends it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** The last lines of its output. */
  tail(): string {
    return readFileSync(this.output, "utf8").split("\n").slice(-TAIL).join("\n");
  }
}
