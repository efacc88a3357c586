// A phone in the page: registered as long as there is a connection, with one call at a time, its sound and its ringing.

import type { Agent, AgentCall, CallEvents, MakeAgent } from "./agent";
import type { CallState, Line, Phone, Trouble } from "./phone";

/** How long a lost connection is left alone before it is opened again, in milliseconds, growing to the last. */
const RETRY_MS = [250, 500, 1_000, 2_000, 5_000] as const;

/** What makes the phone heard. */
export interface Ears {
  /** Rings until the function that it gives is called. */
  ring(): () => void;
  /** Lets a call's sound be heard; null for none. */
  listen(stream: MediaStream | null): void;
}

export interface Settings {
  /** Whether the phone registers, so that it can be rung. */
  readonly registers: boolean;
  /** The microphone to take, asked for each call. */
  readonly microphone: MediaTrackConstraints;
}

export class SipPhone implements Phone {
  line: Line = "off";
  call: CallState = "none";
  muted = false;
  trouble: Trouble | null = null;

  private readonly agent: Agent;
  private current: AgentCall | null = null;
  private stopRinging: (() => void) | null = null;
  private readonly listeners = new Set<() => void>();
  private retries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    make: MakeAgent,
    private readonly ears: Ears,
    readonly settings: Settings,
  ) {
    this.agent = make({
      connected: () => this.connected(),
      disconnected: () => this.disconnected(),
      registered: (is) => this.set(() => (this.line = is ? "ready" : "connecting")),
      rings: (call) => this.rings(call),
    });
  }

  /** Connects, and goes on doing so until `close`. */
  start(): void {
    this.set(() => (this.line = "connecting"));
    this.agent.connect().catch(() => this.retry());
  }

  /** Ends the call and the registration. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.current?.end();
    this.over(this.current);
    this.agent.close();
    this.set(() => (this.line = "off"));
  }

  /** Calls somebody, such as the hotline. */
  dial(to: string): void {
    if (this.current !== null) return;
    this.set(() => {
      this.call = "rings";
      this.trouble = null;
    });
    let call: AgentCall | null = null;
    const mine = () => this.current === call;
    this.agent.dial(to, this.settings.microphone, this.events(mine)).then(
      (made) => {
        call = this.current = made;
      },
      (error: unknown) => {
        this.over(null);
        this.complain("call", error);
      },
    );
  }

  answer(): void {
    const call = this.current;
    if (call === null || this.call !== "rings") return;
    this.quiet();
    call.answer(this.settings.microphone).catch((error: unknown) => {
      if (this.current !== call) return;
      call.end();
      this.over(call);
      this.complain("microphone", error);
    });
  }

  hangUp(): void {
    this.current?.end();
    this.over(this.current);
  }

  mute(on: boolean): void {
    if (this.call !== "up") return;
    this.current?.mute(on);
    this.set(() => (this.muted = on));
  }

  key(digit: string): void {
    if (this.call === "up" && /^[0-9*#A-D]$/.test(digit)) this.current?.key(digit);
  }

  onChange(changed: () => void): () => void {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  }

  private connected(): void {
    this.retries = 0;
    if (this.settings.registers) {
      this.agent.register().catch(() => this.retry());
    } else {
      this.set(() => (this.line = "ready"));
    }
    this.current?.refresh();
  }

  private disconnected(): void {
    if (this.closed) return;
    this.set(() => (this.line = "connecting"));
    this.retry();
  }

  private retry(): void {
    if (this.closed) return;
    const wait = RETRY_MS[Math.min(this.retries++, RETRY_MS.length - 1)];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.agent.connect().catch(() => this.retry()), wait);
  }

  private rings(call: AgentCall): CallEvents | null {
    if (this.current !== null || this.call !== "none") return null;
    this.current = call;
    this.stopRinging = this.ears.ring();
    this.set(() => {
      this.call = "rings";
      this.trouble = null;
    });
    return this.events(() => this.current === call);
  }

  /** What a call tells, as long as it is ours. */
  private events(mine: () => boolean): CallEvents {
    return {
      up: () => {
        if (!mine()) return;
        this.quiet();
        this.set(() => (this.call = "up"));
      },
      over: () => {
        if (mine()) this.over(this.current);
      },
      sound: (stream) => {
        if (mine()) this.ears.listen(stream);
      },
    };
  }

  private over(call: AgentCall | null): void {
    if (this.current !== call) return;
    this.quiet();
    this.ears.listen(null);
    this.current = null;
    this.set(() => {
      this.call = "none";
      this.muted = false;
    });
  }

  private quiet(): void {
    this.stopRinging?.();
    this.stopRinging = null;
  }

  private complain(what: Trouble["what"], error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.set(() => (this.trouble = { what, detail }));
  }

  private set(change: () => void): void {
    change();
    for (const listener of this.listeners) listener();
  }
}
