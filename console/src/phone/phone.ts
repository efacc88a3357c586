// The seam between the operator's page and a phone inside the page. Without one the operator's own phone rings, and
// the page shows what the feed tells of it.

/** What a phone in the page does and knows. Its call, if any, is the one the feed says this operator is reserved for. */
export interface Phone {
  /** Whether there is a call, and whether it rings or was picked up. */
  readonly call: "none" | "rings" | "up";
  /** Picks up. */
  answer(): void;
  /** Hangs up, or declines while it rings. */
  hangUp(): void;
  /** Calls `changed` whenever `call` has changed; returns what ends that. */
  onChange(changed: () => void): () => void;
}
