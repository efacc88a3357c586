// The page's one source: the connection, the day so far, and when to draw. Drawing happens at most once in
// `DRAW_EVERY`, on an animation frame, however many deltas come.

import { Connection, type Link } from "./feed/connection";
import { type Day, NO_DAY, type Shares, counted, recorded, sampled, shares, until } from "./feed/day";
import { Drafts } from "./feed/drafts";
import { type Figures, type Waiting, figures, waiting } from "./feed/figures";
import type { Monitored } from "./feed/monitored";
import type { QueueState } from "./feed/state";
import { type Thresholds, thresholdsOf } from "./feed/thresholds";
import type { Call, DayMessage, Delta, Hello, Missed, Operator, Ordered, Why } from "./feed/wire";
import { dateOf } from "./i18n/format";
import { path } from "./route";

/** Least time between two drawings, in milliseconds: nobody reads faster, and a busy queue leaves the page idle. */
const DRAW_EVERY = 100;

/** Running times move this often, in milliseconds. */
const TICK = 1000;

/** What the engine tells a newcomer, `/about.json`. */
export interface About {
  name: string;
  version: string;
  time_zone: string;
  dial: string[];
  register: string[];
}

/** What was told to a caller last about the wait. */
export interface Told {
  readonly at: number;
  readonly place: number;
  readonly wait: number;
}

/** Everything a page draws, at one moment. */
export interface View {
  readonly link: Link;
  readonly lostAt: number | null;
  readonly over: Connection["over"];
  readonly hello: Hello | null;
  readonly about: About | null;
  readonly timeZone: string | undefined;
  /** The engine's time. */
  readonly now: number;
  readonly queue: QueueState | null;
  readonly waiting: readonly Waiting[];
  readonly figures: Figures | null;
  readonly day: Day;
  readonly shares: Shares;
  readonly thresholds: Thresholds;
  /** Who is still to be called back, where one may see it. */
  readonly missed: Missed | null;
  /** Which calls are recorded or listened to, as far as one may see it. */
  readonly monitored: Monitored;
  readonly orders: readonly Ordered[];
  /** What this operator writes down about calls. */
  readonly drafts: Drafts | null;
  readonly told: Told | null;
  /** The operator who signed in here. */
  readonly me: Operator | null;
  /** The call that operator is reserved for, talks in, or wraps up; null also if this page has not seen it. */
  readonly inHand: Call | null;
  /** Why it came to that operator. */
  readonly why: Why | null;
}

type Heard = (delta: Delta, before: QueueState, after: QueueState) => void;

class Live {
  readonly connection = new Connection(
    location.href,
    {
      changed: () => this.changed(),
      happened: (delta, before, after) => this.happened(delta, before, after),
      replaced: (state) => this.replaced(state),
    },
    // A wallboard or a caller's page in another window does not take an operator's connection.
    path() !== "/",
  );

  private about: About | null = null;
  private day: Day = NO_DAY;
  /** The day as the engine told it, until it is known where its midnight is. */
  private toldDay: DayMessage | null = null;
  private drafts: Drafts | null = null;
  private told: Told | null = null;
  private lastCall: Call | null = null;
  private why: { call: number; operator: string; why: Why } | null = null;
  private readonly drawers = new Set<() => void>();
  private readonly listeners = new Set<Heard>();
  private planned = false;
  private drawn = 0;

  /** Connects, and keeps what is shown moving. */
  async start(): Promise<void> {
    this.connection.start();
    setInterval(() => this.tick(), TICK);
    addEventListener("online", () => this.connection.hurry());
    addEventListener("pagehide", () => this.drafts?.hurry());
    const about = await fetchAbout();
    if (about) {
      this.about = about;
      this.takeDay();
      this.draw();
    }
  }

  /** Calls `drawer` whenever there is something new to show; returns what ends that. */
  onDraw(drawer: () => void): () => void {
    this.drawers.add(drawer);
    return () => void this.drawers.delete(drawer);
  }

  /** Calls `heard` with every delta, also while nothing is drawn because the page is hidden. */
  onDelta(heard: Heard): () => void {
    this.listeners.add(heard);
    return () => void this.listeners.delete(heard);
  }

  /** Draws soon. */
  draw(): void {
    if (this.planned) return;
    this.planned = true;
    const rest = Math.max(0, this.drawn + DRAW_EVERY - performance.now());
    setTimeout(() => requestAnimationFrame(() => this.drawNow()), rest);
  }

  private drawNow(): void {
    this.planned = false;
    this.drawn = performance.now();
    for (const drawer of this.drawers) drawer();
  }

  /** What there is to draw now. */
  view(): View {
    const { link, lostAt, over, hello, missed, monitored, orders, state: queue } = this.connection;
    const name = hello?.role === "operator" ? hello.operator : undefined;
    const me = queue?.operators.find(({ operator }) => operator === name) ?? null;
    const inHand = queue?.calls.find(({ call }) => call === me?.call);
    const lastCall = this.lastCall?.call === me?.call ? this.lastCall : null;
    const mine = this.why && this.why.operator === name && this.why.call === me?.call ? this.why.why : null;
    return {
      ...{ link, lostAt, over, hello, queue, missed, monitored, orders, me, why: mine, inHand: inHand ?? lastCall },
      about: this.about,
      timeZone: this.timeZone,
      now: this.connection.now(),
      waiting: queue ? waiting(queue) : [],
      figures: queue ? figures(queue) : null,
      day: this.day,
      shares: shares(this.day),
      thresholds: thresholdsOf(hello),
      drafts: this.drafts,
      told: this.told,
    };
  }

  private get timeZone(): string | undefined {
    return this.about?.time_zone || undefined;
  }

  private changed(): void {
    const { role, operator } = this.connection.hello ?? {};
    if (role === "operator" && operator !== undefined && operator !== this.drafts?.operator) {
      this.drafts = new Drafts(operator, (order) => this.connection.ask(order), shelf(), () => this.draw());
    } else if (role !== undefined && role !== "operator") {
      this.drafts = null;
    }
    this.draw();
  }

  private replaced(state: QueueState): void {
    // Numbers may begin anew.
    this.day = { ...this.day, through: 0 };
    this.sample(state);
    void this.askDay();
  }

  /** What happened before this page watched. Deltas that come while the answer is under way are counted in it. */
  private async askDay(): Promise<void> {
    const answer = await this.connection.ask({ do: "day" });
    if (answer?.type !== "ok" || answer.day === undefined) return;
    this.toldDay = answer.day;
    this.takeDay();
    this.draw();
  }

  private takeDay(): void {
    if (!this.about || !this.toldDay) return;
    this.day = recorded(this.toldDay, dateOf(this.connection.now(), this.timeZone));
    this.toldDay = null;
  }

  private happened(delta: Delta, before: QueueState, after: QueueState): void {
    this.turnDay(delta.at);
    const within = thresholdsOf(this.connection.hello).answer_within_ms;
    this.day = sampled(counted(this.day, delta, within, before.calls), delta.at, figures(after));
    if (delta.event === "position_announced" && delta.wait_ms !== null) {
      this.told = { at: delta.at, place: delta.position, wait: delta.wait_ms };
    } else if (delta.event === "call_assigned" && delta.operator === this.connection.hello?.operator) {
      this.why = { call: delta.call, operator: delta.operator, why: delta.why };
    } else if (takesCall(delta) && delta.operator === this.connection.hello?.operator) {
      this.lastCall = before.calls.find(({ call }) => call === delta.call) ?? null;
    }
    for (const heard of this.listeners) heard(delta, before, after);
  }

  private tick(): void {
    const { state, link } = this.connection;
    if (state && link === "live") this.sample(state);
    this.draw();
  }

  private sample(state: QueueState): void {
    const now = this.connection.now();
    this.turnDay(now);
    this.day = until(this.day, now);
    this.day = sampled(this.day, now, figures(state));
  }

  /** Begins a new day at the hotline's midnight. */
  private turnDay(now: number): void {
    if (!this.about) return;
    const date = dateOf(now, this.timeZone);
    if (date === this.day.date) return;
    const minutes = this.day.date === "" ? this.day.minutes : [];
    this.day = { ...this.day, date, since: now, minutes };
  }
}

/** Where what is typed outlives the page; none where the browser does not allow it. */
function shelf(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

async function fetchAbout(): Promise<About | null> {
  try {
    const answer = await fetch("/about.json");
    return answer.ok ? ((await answer.json()) as About) : null;
  } catch {
    return null;
  }
}

export const live = new Live();

type Taking = Extract<Delta, { event: "call_ended" | "call_transferred" | "call_sent_outside" }>;

/** Whether a delta says that an operator has a call no longer. */
function takesCall(delta: Delta): delta is Taking {
  return ["call_ended", "call_transferred", "call_sent_outside"].includes(delta.event);
}
