// The seam between a page and the phone in it. Without one the operator's own phone rings, and the page shows what
// the feed tells of it.

/** Whether the phone can be rung. */
export type Line = "off" | "connecting" | "ready";

/** What the phone's one call does. */
export type CallState = "none" | "rings" | "up";

/** A phone in the page. Its call, if any, is the one the feed says this operator is reserved for. */
export interface Phone {
  readonly line: Line;
  readonly call: CallState;
  /** Whether the other side hears nothing of the microphone. */
  readonly muted: boolean;
  /** What went wrong last, in the browser's own words; null when all is well. */
  readonly trouble: Trouble | null;
  /** Picks up. */
  answer(): void;
  /** Hangs up, or declines while it rings. */
  hangUp(): void;
  mute(on: boolean): void;
  /** Sends a key: one of 0-9, *, # and A-D. */
  key(digit: string): void;
  /** Calls `changed` whenever something of the above has changed; returns what ends that. */
  onChange(changed: () => void): () => void;
}

/** Why the phone does not do what it should. */
export interface Trouble {
  readonly what: "microphone" | "call";
  readonly detail: string;
}
