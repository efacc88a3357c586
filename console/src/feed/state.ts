// The queue as the feed tells it: a snapshot, then every delta applied in order. This is the table of docs/feed.md
// under "what each delta changes", line by line. Pure: the same messages give the same state.

import type { Call, Change, Delta, Operator, Snapshot } from "./wire";

/** All that is known. Calls are in order of service, operators in the configuration's order. Never changed in place. */
export interface QueueState {
  readonly epoch: number;
  readonly seq: number;
  readonly lines: number;
  readonly next_change: number | null;
  readonly next_lines: number | null;
  readonly draining: boolean;
  readonly calls: readonly Call[];
  readonly operators: readonly Operator[];
}

/** Starts from a snapshot, whatever was known before. */
export function fromSnapshot(snapshot: Snapshot): QueueState {
  const { epoch, seq, lines, next_change, next_lines, draining, calls, operators } = snapshot;
  return { epoch, seq, lines, next_change, next_lines, draining, calls, operators };
}

/** The state after a delta; null when the delta does not follow what is known, so that something is missing. */
export function after(state: QueueState, delta: Delta): QueueState | null {
  if (delta.seq !== state.seq + 1) return null;
  return { ...changed(state, delta, delta.at), seq: delta.seq };
}

function changed(state: QueueState, delta: Change, at: number): QueueState {
  switch (delta.event) {
    case "call_arrived":
    case "call_back_promised":
      return { ...state, calls: inserted(state.calls, arrival(delta)) };
    case "call_chose":
      return withCall(state, delta.call, ({ needs: _, ...call }) =>
        delta.needs.length > 0 ? { ...call, needs: delta.needs } : call,
      );
    case "call_admitted":
      return withCall(state, delta.call, (call) => ({ ...staged(call, "admitted"), line: true }));
    case "call_assigned":
      return withCall(state, delta.call, (call) => {
        const others = call.stage === "ringing" && call.operator !== undefined ? [call.operator] : [];
        return { ...staged(call, "ringing"), operator: first(state.operators, [delta.operator, ...others]) };
      });
    case "call_returned":
      return withCall(state, delta.call, (call) => {
        const rings = stillRinging(state.operators, delta.call, delta.operator);
        return rings === undefined ? staged(call, "admitted") : { ...staged(call, "ringing"), operator: rings };
      });
    case "caller_dialled":
      return withCall(state, delta.call, (call) => ({ ...staged(call, "calling_back"), operator: delta.operator }));
    case "call_connected": {
      const answered = withOperator(state, delta.operator, (operator) => ({
        ...operator,
        answered: operator.answered + 1,
      }));
      return withCall(answered, delta.call, (call) => ({
        ...staged(call, "talking"),
        operator: delta.operator,
        connected: at,
        held: false,
      }));
    }
    case "call_held":
      return withCall(state, delta.call, (call) => ({ ...call, held: delta.held }));
    case "third_changed":
      return withCall(state, delta.call, ({ third: _, ...call }) =>
        delta.third === null ? call : { ...call, third: delta.third },
      );
    case "call_transferred":
      return withCall(state, delta.call, (call) => ({
        ...staged(call, "ringing"),
        operator: delta.to,
        transferred_by: delta.operator,
      }));
    case "call_sent_outside":
      return withCall(state, delta.call, (call) => ({
        ...staged(call, "ringing"),
        ...(delta.number !== null && { outside: delta.number }),
        transferred_by: delta.operator,
      }));
    case "outside_answered":
      return withCall(state, delta.call, (call) => ({
        ...staged(call, "forwarded"),
        ...(call.outside !== undefined && { outside: call.outside }),
        line: false,
      }));
    case "outside_failed":
      return withCall(state, delta.call, (call) => staged(call, "admitted"));
    case "call_leaving":
      return withCall(state, delta.call, (call) => staged(call, "leaving"));
    case "call_forwarded":
      return withCall(state, delta.call, (call) => ({
        ...staged(call, "forwarded"),
        forward: delta.forward,
        line: false,
      }));
    case "call_ended":
      return { ...state, calls: state.calls.filter(({ call }) => call !== delta.call) };
    case "operator_changed": {
      const { operator: name, state: standing, reason, call, until } = delta;
      return withOperator(state, name, (before) => ({
        operator: name,
        state: standing,
        since: at,
        phone: before.phone,
        answered: before.state === "signed_off" ? 0 : before.answered,
        ...(reason !== undefined && { reason }),
        ...(call !== undefined && { call }),
        ...(until !== undefined && { until }),
      }));
    }
    case "phone_changed":
      return withOperator(state, delta.operator, (operator) => ({ ...operator, phone: delta.registered }));
    case "capacity_changed": {
      const { lines, next_change, next_lines } = delta;
      return { ...state, lines, next_change, next_lines };
    }
    case "draining":
      return { ...state, draining: true };
    case "started":
      return { ...state, draining: false };
    default:
      // News that changes nothing, and events of later versions.
      return state;
  }
}

function arrival(delta: Extract<Change, { event: "call_arrived" | "call_back_promised" }>): Call {
  const { call, queue, trunk, caller, ticket, since, needs } = delta;
  return {
    ...{ call, queue, trunk, caller, ticket, since, line: false, stage: "queued" },
    ...(needs && { needs }),
    ...(delta.event === "call_back_promised" && { call_back: true }),
  };
}

/** A resumed place has an old ticket and goes before younger ones; of equal tickets the lower call is first. */
function inserted(calls: readonly Call[], call: Call): Call[] {
  let index = calls.length;
  while (index > 0 && isBefore(call, calls[index - 1] as Call)) index -= 1;
  return [...calls.slice(0, index), call, ...calls.slice(index)];
}

function isBefore(one: Call, other: Call): boolean {
  return one.ticket < other.ticket || (one.ticket === other.ticket && one.call < other.call);
}

/** The call at another stage, without what belonged to the one before. */
function staged(call: Call, stage: Call["stage"]): Call {
  const { operator: _operator, connected: _connected, held: _held, third: _third, ...others } = call;
  const { forward: _forward, outside: _outside, ...rest } = others;
  return { ...rest, stage };
}

/** The first of some operators in the order in which they are listed. */
function first(operators: readonly Operator[], names: [string, ...string[]]): string {
  return operators.find(({ operator }) => names.includes(operator))?.operator ?? names[0];
}

/** The first of the other operators whose phones ring for the call. */
function stillRinging(operators: readonly Operator[], call: number, but: string): string | undefined {
  return operators.find((other) => other.state === "reserved" && other.call === call && other.operator !== but)?.operator;
}

function withCall(state: QueueState, id: number, change: (call: Call) => Call): QueueState {
  return { ...state, calls: state.calls.map((call) => (call.call === id ? change(call) : call)) };
}

function withOperator(state: QueueState, name: string, change: (operator: Operator) => Operator): QueueState {
  const operators = state.operators.map((operator) => (operator.operator === name ? change(operator) : operator));
  return { ...state, operators };
}
