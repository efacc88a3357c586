// What an operator writes down about calls: kept in the browser while it is typed, and saved by the engine as soon as it
// can be. What was typed is never lost, neither with the connection nor with the page.

import type { Answer } from "./connection";
import type { Order } from "./wire";

/** What is written down about a call. */
export interface Form {
  readonly outcome: string | null;
  readonly categories: readonly string[];
  readonly text: string;
}

export const BLANK: Form = { outcome: null, categories: [], text: "" };

/** Where what was typed stands: `kept` in this browser until it can be saved, `refused` for good. */
export type Standing = "typing" | "saving" | "kept" | "saved" | "refused";

/** A pause in typing after which it is saved, in milliseconds. */
const PAUSE = 400;

/** What could not be saved is tried again after this, in milliseconds. */
const RETRY = 3_000;

/** Forms that wait to be saved: more calls than that are not had while the engine is away. */
const WAITING_MAX = 100;

/** Older ones belong to calls that nobody remembers, in milliseconds. */
const AGE_MAX = 7 * 24 * 3_600_000;

/** Refusals that may be over in a moment. */
const PASSING = new Set(["records_unavailable", "overloaded", "no_answer", "in_progress"]);

interface Draft {
  readonly call: number;
  readonly form: Form;
  /** When it was typed, by the browser's clock. */
  readonly typed: number;
}

/** A place that outlives the page. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

export class Drafts {
  private readonly key: string;
  private readonly drafts = new Map<number, Draft>();
  private readonly standings = new Map<number, Standing>();
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(
    readonly operator: string,
    private readonly ask: (order: Order) => Promise<Answer>,
    private readonly shelf: Shelf | null,
    private readonly changed: () => void,
    now = Date.now(),
  ) {
    this.key = `holdfast.forms.${operator}`;
    for (const draft of stored(shelf, this.key)) {
      if (now - draft.typed > AGE_MAX) continue;
      this.drafts.set(draft.call, draft);
      this.soon(draft.call, 0, "kept");
    }
  }

  /** What was typed in this browser about a call; null if nothing was. */
  of(call: number): Form | null {
    return this.drafts.get(call)?.form ?? null;
  }

  /** Where that stands; null if nothing was typed. */
  standing(call: number): Standing | null {
    return this.standings.get(call) ?? null;
  }

  /** Takes what is typed. */
  type(call: number, form: Form, now = Date.now()): void {
    this.drafts.delete(call);
    this.drafts.set(call, { call, form, typed: now });
    for (const oldest of this.drafts.keys()) {
      if (this.drafts.size <= WAITING_MAX) break;
      this.forget(oldest);
    }
    this.soon(call, PAUSE, "typing");
    this.store();
  }

  /** Saves at once what waits. */
  hurry(): void {
    for (const call of this.timers.keys()) void this.save(call);
  }

  private forget(call: number): void {
    clearTimeout(this.timers.get(call));
    this.timers.delete(call);
    this.drafts.delete(call);
    this.standings.delete(call);
  }

  private soon(call: number, wait: number, standing: Standing): void {
    clearTimeout(this.timers.get(call));
    this.timers.set(call, setTimeout(() => void this.save(call), wait));
    this.stands(call, standing);
  }

  private async save(call: number): Promise<void> {
    const draft = this.drafts.get(call);
    clearTimeout(this.timers.get(call));
    this.timers.delete(call);
    if (!draft) return;
    this.stands(call, "saving");
    const { outcome, categories, text } = draft.form;
    const answer = await this.ask({
      ...{ do: "save_form", call, categories: [...categories], text },
      ...(outcome !== null && { outcome }),
    });
    // More was typed meanwhile, which will be saved in its turn.
    if (this.drafts.get(call) !== draft) return;
    if (answer?.type === "ok") {
      this.stands(call, "saved");
    } else if (answer === null || PASSING.has(answer.code)) {
      this.soon(call, RETRY, "kept");
    } else {
      this.stands(call, "refused");
    }
    this.store();
  }

  private stands(call: number, standing: Standing): void {
    this.standings.set(call, standing);
    this.changed();
  }

  /** Puts on the shelf what is not saved yet. */
  private store(): void {
    const waiting = [...this.drafts.values()].filter(({ call }) => this.standings.get(call) !== "saved");
    try {
      this.shelf?.setItem(this.key, JSON.stringify(waiting));
    } catch {
      // No room or not allowed: it then lasts as long as the page.
    }
  }
}

function stored(shelf: Shelf | null, key: string): Draft[] {
  try {
    const read: unknown = JSON.parse(shelf?.getItem(key) ?? "[]");
    return Array.isArray(read) ? read.filter(isDraft) : [];
  } catch {
    return [];
  }
}

function isDraft(value: unknown): value is Draft {
  const { call, typed, form } = (value ?? {}) as Partial<Draft>;
  const { outcome, categories, text } = (form ?? {}) as Partial<Form>;
  return (
    typeof call === "number" &&
    typeof typed === "number" &&
    (outcome === null || typeof outcome === "string") &&
    Array.isArray(categories) &&
    categories.every((category) => typeof category === "string") &&
    typeof text === "string"
  );
}
