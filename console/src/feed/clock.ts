// What time it is at the engine. Moments on the wire are the engine's; screens count up by themselves between messages.

/** The engine's clock as last told, and what the page's own steady clock said then. */
export interface Clock {
  readonly server: number;
  readonly local: number;
  /** Seconds of the engine's clock in one real second: 1 but for a time-lapse. */
  readonly rate: number;
}

/** The engine's time at the moment `local` of the page's steady clock (`performance.now()`), in milliseconds. */
export function engineTime(clock: Clock, local: number): number {
  return clock.server + (local - clock.local) * clock.rate;
}
