// What the phone needs of a SIP library, and no more: one is behind it in the page, a made-up one in the tests.

/** A call as the library has it. */
export interface AgentCall {
  /** Takes the call; fails when the microphone cannot be had. */
  answer(microphone: MediaTrackConstraints): Promise<void>;
  /** Declines it, ends it, or gives a call of our own up. */
  end(): void;
  mute(on: boolean): void;
  key(digit: string): void;
  /** Lets the other side know where we are, after the connection was lost. */
  refresh(): void;
}

/** What becomes of a call. */
export interface CallEvents {
  /** Both sides are connected. */
  up(): void;
  over(): void;
  /** What the other side says. */
  sound(stream: MediaStream): void;
}

/** What the library tells. */
export interface AgentEvents {
  connected(): void;
  disconnected(): void;
  registered(is: boolean): void;
  /** Somebody calls; `null` refuses the call as busy. */
  rings(call: AgentCall): CallEvents | null;
}

/** A SIP library. */
export interface Agent {
  /** Opens the connection; fails when it cannot be opened. */
  connect(): Promise<void>;
  register(): Promise<void>;
  /** Calls somebody. */
  dial(to: string, microphone: MediaTrackConstraints, events: CallEvents): Promise<AgentCall>;
  close(): void;
}

/** Makes the agent that tells `events`. */
export type MakeAgent = (events: AgentEvents) => Agent;
