// One console's connection to the feed: resumes by itself, says what it knows, and carries commands, each once.
//
// What always holds: a delta is applied only to the state it follows; a command that was not answered when the
// connection went is sent again with its id, or given up in words, but never sent with another id.

import { type Clock, engineTime } from "./clock";
import { type Monitored, NOTHING_MONITORED, monitored } from "./monitored";
import { type QueueState, after, fromSnapshot } from "./state";
import type { Delta, DeniedMessage, Hello, Message, Missed, Ok, Order, Ordered, Refused, SignIn, SignedIn } from "./wire";
import { CLOSE, PROTOCOL } from "./wire";

/** Heartbeats without a word after which a connection is given up. */
const BEATS_MISSED = 2;

/** How often silence is looked for, in milliseconds. */
const WATCH_EVERY = 1000;

/** Milliseconds before reconnecting: at first, and at most; spread by half either way. */
const RETRY = { first: 400, most: 5000 };

/** How long a command may stay unanswered, over all connections, before it is given up; in milliseconds. */
const COMMAND_PATIENCE = 30_000;

/** Orders of supervisors that are shown. */
const ORDERS_KEPT = 20;

/** A session is renewed when this share of it has passed. */
const RENEW_AFTER = 0.5;

/**
 * `connecting` for the first time, `live`, `lost` and trying again, `guest`: somebody must sign in to see anything,
 * `outdated`: the engine speaks a newer protocol than this page.
 */
export type Link = "connecting" | "live" | "lost" | "guest" | "outdated";

/** An answer, or null: it never came, so nobody knows whether it was done. */
export type Answer = Ok | Refused | null;

/** Who is told what happens. */
export interface Listener {
  /** Anything that shows has changed. */
  changed(): void;
  /** A delta came; what was known before it and after it. */
  happened(delta: Delta, before: QueueState, after: QueueState): void;
  /** Everything known was replaced. */
  replaced(state: QueueState): void;
}

interface Pending {
  readonly text: string;
  readonly deadline: number;
  readonly answer: (answer: Answer) => void;
}

export class Connection {
  link: Link = "connecting";
  hello: Hello | null = null;
  state: QueueState | null = null;
  /** Who is still to be called back, for a supervisor. */
  missed: Missed | null = null;
  /** Which calls are recorded or listened to, as far as one may see it. */
  monitored: Monitored = NOTHING_MONITORED;
  /** What supervisors had done of late, for a supervisor; the latest first. */
  orders: readonly Ordered[] = [];
  /** The engine's time when the connection was lost, until it is back. */
  lostAt: number | null = null;
  /** Why the session that was here is no more, and whose it was, until somebody signs in. */
  over: { name: string; why: "replaced" | "expired" } | null = null;

  private clock: Clock = { server: Date.now(), local: performance.now(), rate: 1 };
  private socket: WebSocket | null = null;
  private heard = 0;
  private retry = RETRY.first;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private renewal: ReturnType<typeof setTimeout> | undefined;
  /** Whether, since the last hello, it was tried both to watch and to take part. */
  private triedBoth = false;
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly base: string,
    private readonly listener: Listener,
    /** Whether to watch only, although somebody may be signed in in this browser: an operator has but one connection. */
    private watching: boolean,
  ) {}

  /** Connects, and stays connected until the page is closed. */
  start(): void {
    setInterval(() => this.watch(), WATCH_EVERY);
    this.connect();
  }

  /** The engine's time, in milliseconds. */
  now(): number {
    return engineTime(this.clock, performance.now());
  }

  /** Tries at once, as when the network is said to be back. */
  hurry(): void {
    if (this.socket === null && this.link !== "guest" && this.link !== "outdated") this.connect();
  }

  /** Sends what is asked. If the connection goes before the answer, it is sent again when it is back, with the same id. */
  ask(order: Order): Promise<Answer> {
    const id = randomId();
    const text = JSON.stringify({ id, ...order });
    return new Promise((answer) => {
      this.pending.set(id, { text, deadline: performance.now() + COMMAND_PATIENCE, answer });
      if (this.link === "live") this.socket?.send(text);
    });
  }

  /** Signs in. The browser keeps the session's token in a cookie that no script can read. Null: no answer. */
  async signIn(claim: SignIn): Promise<SignedIn | DeniedMessage | null> {
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch("/session", { method: "POST", headers, body: JSON.stringify(claim) });
      const answer = (await response.json()) as SignedIn | DeniedMessage;
      if ("token" in answer) {
        this.over = null;
        this.startAfresh(false);
      }
      return answer;
    } catch {
      return null;
    }
  }

  /** Signs out and goes back to watching. While the engine cannot be reached the session goes on, and so does the page. */
  async signOut(): Promise<void> {
    try {
      await fetch("/session", { method: "DELETE" });
      this.startAfresh(true);
    } catch {
      // The banner says that the connection is lost.
    }
  }

  /** Becomes who is signed in in this browser, if this page only watched so far. */
  takePart(): void {
    if (this.watching) this.startAfresh(false);
  }

  private connect(): void {
    clearTimeout(this.retryTimer);
    const query = new URLSearchParams();
    if (this.watching) query.set("role", "wallboard");
    if (this.state) {
      query.set("epoch", String(this.state.epoch));
      query.set("after", String(this.state.seq));
    }
    const url = new URL(`/feed?${query}`, this.base);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    this.heard = performance.now();
    socket.onmessage = ({ data }) => {
      if (socket === this.socket) this.take(JSON.parse(String(data)) as Message);
    };
    socket.onclose = ({ code }) => {
      if (socket === this.socket) this.closed(code);
    };
  }

  private take(message: Message): void {
    this.heard = performance.now();
    switch (message.type) {
      case "hello":
        this.greeted(message);
        break;
      case "heartbeat":
        this.clock = { ...this.clock, server: message.time, local: this.heard };
        if (this.state && message.seq !== this.state.seq) this.reconnect();
        break;
      case "snapshot":
        this.state = fromSnapshot(message);
        this.proven();
        this.listener.replaced(this.state);
        break;
      case "delta":
        this.delta(message);
        break;
      case "missed":
        this.missed = message;
        break;
      case "monitored":
        this.monitored = monitored(this.monitored, message);
        break;
      case "ordered":
        this.orders = [message, ...this.orders].slice(0, ORDERS_KEPT);
        break;
      case "ok":
      case "refused":
        this.answered(message);
    }
    this.listener.changed();
  }

  private greeted(hello: Hello): void {
    this.clock = { server: hello.server_time, local: this.heard, rate: hello.clock_rate };
    this.hello = hello;
    this.monitored = NOTHING_MONITORED;
    this.triedBoth = false;
    if (hello.protocol !== PROTOCOL) {
      this.stop("outdated");
      return;
    }
    this.link = "live";
    this.lostAt = null;
    this.renewAfter(hello.expires_in_s);
    for (const { text } of this.pending.values()) this.socket?.send(text);
  }

  private renewAfter(seconds: number | undefined): void {
    clearTimeout(this.renewal);
    if (seconds === undefined) return;
    const renew = async () => {
      const answer = await this.ask({ do: "renew" });
      if (answer?.type === "ok") this.renewAfter(answer.expires_in_s);
    };
    this.renewal = setTimeout(() => void renew(), seconds * 1000 * RENEW_AFTER);
  }

  private delta(delta: Delta): void {
    const before = this.state;
    const state = before && after(before, delta);
    if (!before || !state) {
      this.reconnect();
      return;
    }
    this.proven();
    this.state = state;
    this.listener.happened(delta, before, state);
  }

  /** A hello alone proves little: the engine may be too busy for what follows. */
  private proven(): void {
    this.retry = RETRY.first;
  }

  private answered(answer: Ok | Refused): void {
    const pending = this.pending.get(answer.id ?? "");
    this.pending.delete(answer.id ?? "");
    pending?.answer(answer);
  }

  private closed(code: number): void {
    this.socket = null;
    if (code === CLOSE.notSignedIn || code === CLOSE.replaced || code === CLOSE.expired) {
      this.sessionOver(code);
    } else {
      this.lost();
    }
    this.listener.changed();
  }

  private lost(): void {
    if (this.link === "live") {
      this.lostAt ??= this.now();
      this.link = "lost";
    }
    const wait = this.retry * (0.5 + Math.random());
    this.retry = Math.min(this.retry * 2, RETRY.most);
    this.retryTimer = setTimeout(() => this.connect(), wait);
  }

  /** Watches instead, where anybody may; it does not fight for the session, which another page may have now. */
  private sessionOver(code: number): void {
    const { operator, supervisor } = this.hello ?? {};
    const name = operator ?? supervisor;
    if (name !== undefined) {
      if (code !== CLOSE.notSignedIn) this.over = { name, why: code === CLOSE.replaced ? "replaced" : "expired" };
      this.startAfresh(true);
    } else if (this.triedBoth) {
      this.stop("guest");
    } else {
      this.triedBoth = true;
      this.startAfresh(!this.watching);
    }
  }

  /** Connects as somebody else, who may see more or less: what was known is forgotten. */
  private startAfresh(watching: boolean): void {
    this.watching = watching;
    this.hello = null;
    this.state = null;
    this.missed = null;
    this.monitored = NOTHING_MONITORED;
    this.orders = [];
    this.link = "connecting";
    this.lostAt = null;
    clearTimeout(this.renewal);
    // What one role asked is not sent as another.
    for (const { answer } of this.pending.values()) answer(null);
    this.pending.clear();
    this.reconnect();
  }

  private reconnect(): void {
    this.drop();
    this.connect();
  }

  private stop(link: Link): void {
    this.drop();
    this.state = null;
    this.link = link;
    this.lostAt = null;
  }

  private drop(): void {
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  /** Notices a connection that died without a word, and commands that nobody answers. */
  private watch(): void {
    const now = performance.now();
    const patience = (this.hello?.heartbeat_s ?? 15) * 1000 * BEATS_MISSED;
    if (this.socket && now - this.heard > patience) {
      this.drop();
      this.closed(1006);
    }
    for (const [id, { deadline, answer }] of this.pending) {
      if (now < deadline) continue;
      this.pending.delete(id);
      answer(null);
    }
  }
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
