// The queue as the feed tells it: a snapshot, then every delta applied in order. See docs/feed.md.

/** What each event changes. An event that is not here changes nothing that is shown. */
const changes = {
  call_arrived(state, { call, queue, trunk, caller, ticket, since }) {
    // A resumed place is older than some that are here already.
    let index = state.calls.length;
    while (index > 0 && state.calls[index - 1].ticket > ticket) index -= 1;
    state.calls.splice(index, 0, { call, queue, trunk, caller, ticket, since, line: false, stage: "queued" });
  },
  call_admitted: (state, { call }) => change(state, call, { line: true, stage: "admitted" }),
  call_assigned: (state, { call, operator }) => change(state, call, { stage: "ringing", operator }),
  call_returned: (state, { call }) => change(state, call, { stage: "admitted", operator: undefined }),
  call_connected(state, { call, operator, at }) {
    change(state, call, { stage: "talking", operator, connected: at, held: false });
    const view = state.operators.get(operator);
    if (view) view.answered += 1;
  },
  call_held: (state, { call, held }) => change(state, call, { held }),
  call_leaving: (state, { call }) => change(state, call, { stage: "leaving", operator: undefined }),
  call_ended(state, { call }) {
    state.calls = state.calls.filter((known) => known.call !== call);
  },
  operator_changed(state, { operator, state: now, reason, call, until, at }) {
    const view = state.operators.get(operator);
    if (!view) return;
    if (view.state === "signed_off") view.answered = 0;
    Object.assign(view, { state: now, reason, call, until, since: at });
  },
  phone_changed(state, { operator, registered }) {
    const view = state.operators.get(operator);
    if (view) view.phone = registered;
  },
  capacity_changed: (state, { lines, next_change, next_lines }) =>
    Object.assign(state, { lines, next_change, next_lines }),
  draining(state) {
    state.draining = true;
  },
};

function change(state, id, fields) {
  const call = state.calls.find((call) => call.call === id);
  if (call) Object.assign(call, fields);
}

/** What a client knows. Every field is as on the wire; `calls` is in order of ticket, which is the order of service. */
export class State {
  constructor() {
    this.epoch = null;
    this.seq = null;
    this.lines = 0;
    this.next_change = null;
    this.next_lines = null;
    this.draining = false;
    this.calls = [];
    this.operators = new Map();
  }

  /** Starts from `message`, whatever was known before. */
  snapshot(message) {
    const { epoch, seq, lines, next_change, next_lines, draining, calls, operators } = message;
    Object.assign(this, { epoch, seq, lines, next_change, next_lines, draining, calls });
    this.operators = new Map(operators.map((operator) => [operator.operator, operator]));
  }

  /** Applies one delta. False: it does not follow what is known, so something is missing. */
  delta(message) {
    if (message.seq !== this.seq + 1) return false;
    this.seq = message.seq;
    if (Object.hasOwn(changes, message.event)) changes[message.event](this, message);
    return true;
  }

  /** Calls that wait for an operator's voice, in order of ticket, each with its place in its queue. */
  waiting() {
    const places = {};
    return this.calls
      .filter((call) => ["queued", "admitted", "ringing"].includes(call.stage))
      .map((call) => ({ ...call, place: (places[call.queue] = (places[call.queue] ?? 0) + 1) }));
  }

  /** Lines held. A call holds one from `call_admitted` until `call_ended`. */
  linesInUse() {
    return this.calls.reduce((count, call) => count + (call.line ? 1 : 0), 0);
  }
}

/** How many `things` there are for each value of `key`. */
export function count(things, key) {
  const counts = {};
  for (const thing of things) counts[thing[key]] = (counts[thing[key]] ?? 0) + 1;
  return counts;
}
