// The feed's messages, by the names this console uses. types.ts is made from the server's own types; docs/feed.md says
// what they mean.

import type { Command, Message, SnapshotMessage } from "./types";

export { PROTOCOL } from "./types";
export type { Call, DeniedMessage, Explanation, Message, Operator, SignIn, SignedIn } from "./types";
export type { DayMessage, EarlierCall, HeardLeg, HistoryMessage, MissedPerson, SavedForm } from "./types";
export type { ListenMode, MonitoredCall, MonitoredMessage } from "./types";
export type { MarkedFrom, Marks, Stage, State, Third, WaitsFor, Why } from "./types";

export type Hello = Extract<Message, { type: "hello" }>;
export type Snapshot = { type: "snapshot" } & SnapshotMessage;
export type Delta = Extract<Message, { type: "delta" }>;
export type Ordered = Extract<Message, { type: "ordered" }>;
export type Missed = Extract<Message, { type: "missed" }>;
export type Ok = Extract<Message, { type: "ok" }>;
export type Refused = Extract<Message, { type: "refused" }>;

/** What may be asked, without the id that goes with it. */
export type Order = Without<Command, "id">;

/** What a delta says, without its number and moment. */
export type Change = Without<Delta, "type" | "seq" | "at">;

/** `Omit`, of each member of a union by itself. */
type Without<Union, Keys extends PropertyKey> = Union extends unknown ? Omit<Union, Keys> : never;

/** Closes after which there is no session: there was none, another took its place, or nobody renewed it. */
export const CLOSE = { notSignedIn: 4401, replaced: 4409, expired: 4410 } as const;
