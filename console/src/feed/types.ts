// The feed's messages, made from the types of crates/feed. Do not edit: `make types` renews it.
// docs/feed.md says what they mean. Fields and events may be added: ignore what you do not know.

/** The version of the protocol that `hello` names. */
export const PROTOCOL = 1;

export type Call = { call: number, queue: string, trunk: string, caller: string | null, ticket: number, since: number, line: boolean, stage: Stage, needs?: Array<string>, call_back?: boolean, forward?: string, 
/**
 * The number outside that an operator gave it to.
 */
outside?: string, operator?: string, connected?: number, held?: boolean, third?: Third, transferred_by?: string, };

/**
 * A command. Fields it does not know are ignored.
 */
export type Command = { 
/**
 * Drawn anew for each command, 1 to 64 bytes: the answer carries it, and what is sent twice is done once.
 */
id: string, } & ({ "do": "sign_on", operator?: string, }
  | { "do": "ready", operator?: string, }
  | { "do": "pause", operator?: string, reason: string, }
  | { "do": "sign_off", operator?: string, }
  | { "do": "extend_wrap_up", operator?: string, }
  | { "do": "hang_up", operator?: string, }
  | { "do": "hold", operator?: string, on: boolean, }
  | { "do": "transfer", operator?: string, to: string, }
  | { "do": "transfer_outside", operator?: string, number: string, }
  | { "do": "consult", operator?: string, to: string, }
  | { "do": "consult_outside", operator?: string, number: string, }
  | { "do": "conference", operator?: string, }
  | { "do": "complete_transfer", operator?: string, }
  | { "do": "cancel_consult", operator?: string, }
  | { "do": "set_lines", lines: number, 
/**
 * Milliseconds since the Unix epoch.
 */
until: number, }
  | { "do": "follow_schedule" }
  | { "do": "explain", call: number, }
  | { "do": "record", operator?: string, on: boolean, }
  | { "do": "save_form", operator?: string, call: number, outcome?: string, categories: Array<string>, text: string, }
  | { "do": "history", call: number, }
  | { "do": "reached", caller: string, }
  | { "do": "day" }
  | { "do": "renew" }
  | { "do": "listen", operator: string, phone?: string, }
  | { "do": "whisper", operator: string, phone?: string, }
  | { "do": "barge", operator: string, phone?: string, }
  | { "do": "leave", operator: string, });

/**
 * The day so far.
 */
export type DayMessage = { 
/**
 * The number of the last event that counts in it.
 */
seq: number, 
/**
 * From when on it is known: midnight at the hotline, or later.
 */
since: number, 
/**
 * Minutes since 1970; arrived, answered, of these in time, abandoned, ended, of these reached, waited (ms, all
 * answered together); most who waited at once, the longest anybody had waited (ms).
 */
minutes: Array<[number, number, number, number, number, number, number, number, number, number]>, };

/**
 * What a denied client is told.
 */
export type DeniedMessage = { code: string, message: string, };

/**
 * A command was carried out.
 */
export type Done = { id: string, 
/**
 * The answer to `explain`.
 */
explanation?: Explanation, 
/**
 * The answer to `history`.
 */
history?: HistoryMessage, 
/**
 * The answer to `day`.
 */
day?: DayMessage, 
/**
 * The answer to `renew`: real seconds until the session is over.
 */
expires_in_s?: number, };

/**
 * One of a caller's earlier calls.
 */
export type EarlierCall = { at: number, queue: string, call_back?: boolean, outcome: string | null, operator: string | null, waited_ms: number | null, talked_ms: number | null, 
/**
 * How it sounded, the caller's leg first; only the legs of which that is known.
 */
legs: Array<HeardLeg>, forms: Array<SavedForm>, };

/**
 * Why a call still waits.
 */
export type Explanation = { call: number, ticket: number, before: number, heads: Array<number>, until: number, queue_length_ms: number | null, last_to_enter_service_ms: number | null, head_of_line_ms: number | null, waits_for: WaitsFor, };

/**
 * What a form about a call can say.
 */
export type FormChoices = { outcomes: Array<string>, categories: Array<string>, 
/**
 * Characters at most.
 */
text_max: number, };

/**
 * How one leg of an earlier call sounded.
 */
export type HeardLeg = { leg: number, 
/**
 * Whose phone it was; left out for the caller's, and for a number outside.
 */
operator?: string, codec?: string, round_trip_ms?: number, 
/**
 * What the phone sent.
 */
received?: PathMessage, 
/**
 * What was sent to the phone, as it reports.
 */
sent?: PathMessage, };

export type Hello = { protocol: number, epoch: number, server_time: number, clock_rate: number, heartbeat_s: number, role: RoleName, operator?: string, supervisor?: string, 
/**
 * Real seconds until the session is over unless it is renewed; left out for who is not signed in.
 */
expires_in_s?: number, queues: Array<string>, pause_reasons: Array<string>, 
/**
 * For a supervisor: the phones to listen at.
 */
phones?: Array<string>, 
/**
 * For who has signed in: the queues whose calls are recorded when somebody asks for it.
 */
on_demand?: Array<string>, 
/**
 * For who has signed in: the numbers outside that calls may be given to; a star at the end stands for any digits.
 */
transfer_numbers?: Array<string>, 
/**
 * From when on figures are to be marked.
 */
thresholds: MarkedFrom, 
/**
 * For who has signed in: what a form about a call can say.
 */
form?: FormChoices, };

/**
 * What is known of a call's caller, and was written down about the call.
 */
export type HistoryMessage = { 
/**
 * The caller's earlier calls, the latest first.
 */
earlier: Array<EarlierCall>, 
/**
 * What was written down about this one.
 */
forms: Array<SavedForm>, };

export type ListenMode = "listen" | "whisper" | "barge";

export type ListenerMessage = { phone: string, mode: ListenMode, 
/**
 * The phone still rings.
 */
ringing?: boolean, };

/**
 * From when on figures are to be marked.
 */
export type MarkedFrom = { answer_within_ms: number, oldest_wait_ms: WaitMarks, service_level: Marks, abandonment: Marks, };

export type Marks = { watch: number, alarm: number, };

/**
 * A message to a client.
 */
export type Message = { "type": "hello" } & Hello
  | { "type": "snapshot" } & SnapshotMessage
  | { "type": "delta", seq: number, at: number, } & ({ "event": "call_arrived", call: number, queue: string, trunk: string, caller: string | null, ticket: number, since: number, resumed: boolean, needs?: Array<string>, }
  | { "event": "call_chose", call: number, needs: Array<string>, }
  | { "event": "call_back_promised", call: number, from: number, queue: string, trunk: string, caller: string | null, ticket: number, since: number, needs?: Array<string>, }
  | { "event": "caller_dialled", call: number, operator: string, }
  | { "event": "call_forwarded", call: number, forward: string, }
  | { "event": "call_admitted", call: number, waited_ms: number, }
  | { "event": "position_announced", call: number, position: number, wait_ms: number | null, }
  | { "event": "wait_judged", call: number, announced_ms: number | null, queue_length_ms: number | null, last_to_enter_service_ms: number | null, head_of_line_ms: number | null, waited_ms: number, }
  | { "event": "call_assigned", call: number, operator: string, why: Why, }
  | { "event": "call_returned", call: number, operator: string, cause: ReturnCause, rang_ms: number, }
  | { "event": "call_connected", call: number, operator: string, waited_ms: number, rang_ms: number, }
  | { "event": "call_held", call: number, held: boolean, }
  | { "event": "third_changed", call: number, third: Third | null, }
  | { "event": "call_transferred", call: number, operator: string, to: string, }
  | { "event": "call_sent_outside", call: number, operator: string, number: string | null, }
  | { "event": "outside_answered", call: number, }
  | { "event": "outside_failed", call: number, cause: ReturnCause, rang_ms: number, }
  | { "event": "call_leaving", call: number, outcome: Outcome, }
  | { "event": "call_ended", call: number, operator: string | null, outcome: Outcome, waited_ms: number, talked_ms: number, held_ms: number, place_kept: boolean, }
  | { "event": "operator_changed", operator: string, after_ms: number, state: State, reason?: string, call?: number, until?: number, }
  | { "event": "phone_changed", operator: string, registered: boolean, }
  | { "event": "capacity_changed", lines: number, before: number, next_change: number | null, next_lines: number | null, }
  | { "event": "fifo_overtaken", call: number, by: number, }
  | { "event": "command_refused", operator: string, code: string, }
  | { "event": "media_silent", call: number, leg: number, }
  | { "event": "draining" }
  | { "event": "started" })
  | { "type": "heartbeat", seq: number, time: number, }
  | { "type": "quality" } & QualityMessage
  | { "type": "monitored" } & MonitoredMessage
  | { "type": "missed" } & MissedMessage
  | { "type": "ordered" } & OrderedMessage
  | { "type": "ok" } & Done
  | { "type": "refused", id: string | null, code: string, message: string, };

/**
 * Who is still to be called back.
 */
export type MissedMessage = { 
/**
 * How many people there are, those not listed included.
 */
count: number, people: Array<MissedPerson>, };

/**
 * One of them, with all redials.
 */
export type MissedPerson = { caller: string, queue: string, first: number, last: number, calls: number, outcome: string, };

/**
 * What else becomes of a call's sound; of one that is no longer listed, nothing.
 */
export type MonitoredCall = { call: number, recorded: boolean, 
/**
 * For supervisors: whose phone is at it.
 */
listener?: ListenerMessage, };

/**
 * The message's fields.
 */
export type MonitoredMessage = { 
/**
 * These are all; left out where they are what has changed.
 */
whole?: boolean, calls: Array<MonitoredCall>, };

export type Operator = { operator: string, since: number, phone: boolean, answered: number, state: State, reason?: string, call?: number, until?: number, };

/**
 * The message's fields.
 */
export type OrderedMessage = { at: number, supervisor: string, do: string, 
/**
 * Whose state or call it is about.
 */
operator?: string, 
/**
 * Of `pause`.
 */
reason?: string, 
/**
 * Of `set_lines`, as what follows.
 */
lines?: number, until?: number, };

/**
 * How a call ended.
 */
export type Outcome = "answered" | "abandoned" | "short_abandoned" | "saturated" | "closed" | "timed_out" | "callback" | "rejected" | "failed";

export type PathMessage = { packets: number, lost: number, jitter_ms: number, mos: number, };

/**
 * The message's fields.
 */
export type QualityMessage = { call: number, leg: number, codec?: string, round_trip_ms?: number, 
/**
 * What the phone sent.
 */
received?: PathMessage, 
/**
 * What was sent to the phone, as it reports.
 */
sent?: PathMessage, };

/**
 * The answer to a session that was renewed.
 */
export type Renewed = { expires_in_s: number, };

/**
 * Why a call went back to its place after a phone had rung for it.
 */
export type ReturnCause = "no_answer" | "phone_gone" | "operator_left" | "busy" | "declined" | "phone_no_answer" | "unreachable" | "other";

/**
 * What a second operator does in a call.
 */
export type Role = "ringing" | "consulted" | "joined";

/**
 * What a client may see and do.
 */
export type RoleName = "wallboard" | "operator" | "supervisor";

/**
 * What an operator wrote down about a call.
 */
export type SavedForm = { operator: string, saved: number, outcome: string | null, categories: Array<string>, text: string, };

/**
 * What a client that signs in sends.
 */
export type SignIn = { 
/**
 * An operator's or a supervisor's.
 */
name: string, secret: string, };

/**
 * The answer.
 */
export type SignedIn = { token: string, role: RoleName, operator?: string, supervisor?: string, 
/**
 * Real seconds until the session is over unless it is renewed.
 */
expires_in_s: number, };

export type SnapshotMessage = { epoch: number, seq: number, at: number, lines: number, lines_in_use: number, next_change: number | null, next_lines: number | null, draining: boolean, calls: Array<Call>, operators: Array<Operator>, };

/**
 * How far a call has come.
 */
export type Stage = "queued" | "admitted" | "ringing" | "calling_back" | "talking" | "leaving" | "forwarded";

/**
 * What an operator is doing.
 */
export type State = "signed_off" | "paused" | "available" | "reserved" | "talking" | "wrap_up";

/**
 * Whom the operator of a call has asked about it: another one, or a number outside.
 */
export type Third = { operator?: string, number?: string, role: Role, };

export type WaitMarks = { watch: number, alarm: number, };

/**
 * What a call waits for.
 */
export type WaitsFor = { "for": "line", lines: number, lines_in_use: number, next_change: number | null, next_lines: number | null, }
  | { "for": "operator", may: number, busy: number, paused: number, relaxes: number | null, }
  | { "for": "answer", operator: string, until: number, }
  | { "for": "caller", operator: string, until: number, }
  | { "for": "outside", until: number, };

/**
 * Why this operator got this call.
 */
export type Why = { ticket: number, age_ms: number, idle_ms: number, waiting: number, eligible: number, attempt: number, level: number, relaxed: boolean, favourite: boolean, for_line_ms: number, others: Array<string>, passed_over?: number, };
