//! From events to rows: what each changes in what is known of a call. Pure; a live engine and a journal that is replayed
//! are followed alike.

use crate::rows::{CallRow, LegRow, Row, TalkRow};
use acd::{
    CallId, CallerNumber, Event, OperatorId, OperatorState, Outcome, QueueId, Snapshot, Stage, Timestamp,
    TrunkId,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stands for an index the configuration does not have.
const UNKNOWN: &str = "unknown";

/// Names by the core's indexes: rows outlive a configuration.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By [`QueueId`].
    pub queues: Vec<Arc<str>>,
    /// By [`TrunkId`].
    pub trunks: Vec<Arc<str>>,
    /// By [`OperatorId`].
    pub operators: Vec<Arc<str>>,
}

impl Names {
    fn queue(&self, QueueId(index): QueueId) -> Arc<str> {
        by_index(&self.queues, index)
    }

    fn trunk(&self, TrunkId(index): TrunkId) -> Arc<str> {
        by_index(&self.trunks, index)
    }

    fn operator(&self, OperatorId(index): OperatorId) -> Arc<str> {
        by_index(&self.operators, index)
    }
}

fn by_index(names: &[Arc<str>], index: u32) -> Arc<str> {
    names
        .get(index as usize)
        .map_or_else(|| UNKNOWN.into(), Arc::clone)
}

/// Calls that are live and operators who have one. Its size follows the core's own limits.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    names: Names,
    live: BTreeMap<CallId, CallRow>,
    desks: BTreeMap<OperatorId, Desk>,
}

/// An operator with a call, or wrapping one up.
#[derive(Clone, Debug)]
struct Desk {
    talk: TalkRow,
    wraps_up: bool,
}

impl Ledger {
    /// Knows of no call.
    pub fn new(names: Names) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }

    /// Other names from now on: a run under another configuration begins.
    pub fn rename(&mut self, names: Names) {
        self.names = names;
    }

    /// Whether a call waits.
    pub fn waits(&self, call: CallId) -> bool {
        self.live.get(&call).is_some_and(|row| row.left.is_none())
    }

    /// Who calls.
    pub fn caller(&self, call: CallId) -> Option<CallerNumber> {
        self.live.get(&call).map(|row| row.caller)
    }

    /// Takes up what is live in `state`, in place of what was known.
    pub fn begin(&mut self, state: &Snapshot, rows: &mut Vec<Row>) {
        self.forget();
        for view in &state.calls {
            let (operator, connected) = match view.stage {
                Stage::Talking {
                    operator, connected, ..
                } => (Some(operator), Some(connected)),
                _ => (None, None),
            };
            let row = CallRow {
                call: view.call,
                known: state.at,
                queue: self.names.queue(view.queue),
                trunk: self.names.trunk(view.trunk),
                caller: view.caller,
                ticket: view.ticket,
                since: view.since,
                arrived: view.since,
                // Who was given away to another operator waits in the queue no longer.
                left: connected.or(view.transferred_by.map(|_| state.at)),
                connected,
                waited: None,
                operator: operator.map(|operator| self.names.operator(operator)),
                forwarded: None,
                ended: None,
                outcome: None,
                talked: None,
                held: None,
            };
            rows.push(Row::Call(row.clone()));
            self.live.insert(view.call, row);
        }
        for view in &state.operators {
            let before = view.since;
            self.operator(view.operator, before, &view.state, Duration::ZERO, rows);
        }
    }

    /// What was live is not known any more.
    pub fn forget(&mut self) {
        self.live.clear();
        self.desks.clear();
    }

    /// What was live ended with its run, at `at`.
    pub fn break_off(&mut self, at: Timestamp, rows: &mut Vec<Row>) {
        for mut row in std::mem::take(&mut self.live).into_values() {
            row.known = at;
            row.left.get_or_insert(at);
            row.ended = Some(at);
            row.outcome = Some(match row.connected {
                Some(_) => Outcome::Answered,
                None => Outcome::Failed,
            });
            rows.push(Row::Call(row));
        }
        self.desks.clear();
    }

    /// Follows one event. What it changes is added to `rows`.
    pub fn take(&mut self, at: Timestamp, event: &Event, rows: &mut Vec<Row>) {
        match event {
            Event::CallArrived {
                call,
                queue,
                trunk,
                caller,
                ticket,
                since,
                ..
            }
            | Event::CallBackPromised {
                call,
                queue,
                trunk,
                caller,
                ticket,
                since,
                ..
            } => {
                let row = CallRow {
                    call: *call,
                    known: at,
                    queue: self.names.queue(*queue),
                    trunk: self.names.trunk(*trunk),
                    caller: *caller,
                    ticket: *ticket,
                    since: *since,
                    arrived: at,
                    left: None,
                    connected: None,
                    waited: None,
                    operator: None,
                    forwarded: None,
                    ended: None,
                    outcome: None,
                    talked: None,
                    held: None,
                };
                rows.push(Row::Call(row.clone()));
                self.live.insert(*call, row);
            }
            Event::CallConnected {
                call,
                operator,
                waited,
                ..
            } => {
                let operator = self.names.operator(*operator);
                self.change(*call, at, rows, |row| {
                    row.left.get_or_insert(at);
                    row.connected.get_or_insert(at);
                    row.waited.get_or_insert(*waited);
                    row.operator = Some(operator);
                });
            }
            Event::CallLeaving { call, .. } => self.change(*call, at, rows, |row| {
                row.left.get_or_insert(at);
            }),
            Event::CallForwarded { call, .. } | Event::OutsideAnswered { call, .. } => {
                self.change(*call, at, rows, |row| {
                    row.forwarded = Some(at);
                })
            }
            Event::CallEnded {
                call,
                operator,
                outcome,
                waited,
                talked,
                held,
                ..
            } => {
                let operator = operator.map(|operator| self.names.operator(operator));
                self.change(*call, at, rows, |row| {
                    row.left.get_or_insert(at);
                    row.operator = operator.or(row.operator.take());
                    row.waited = Some(*waited);
                    row.ended = Some(at);
                    row.outcome = Some(*outcome);
                    row.talked = row.connected.map(|_| *talked);
                    row.held = row.connected.map(|_| *held);
                });
                self.live.remove(call);
            }
            Event::OperatorChanged {
                operator,
                state,
                after,
            } => self.operator(*operator, at, state, *after, rows),
            _ => {}
        }
    }

    fn change(
        &mut self,
        call: CallId,
        at: Timestamp,
        rows: &mut Vec<Row>,
        change: impl FnOnce(&mut CallRow),
    ) {
        if let Some(row) = self.live.get_mut(&call) {
            change(row);
            row.known = at;
            rows.push(Row::Call(row.clone()));
        }
    }

    /// An operator's state became `state`; the one before had lasted for `after`.
    fn operator(
        &mut self,
        operator: OperatorId,
        at: Timestamp,
        state: &OperatorState,
        after: Duration,
        rows: &mut Vec<Row>,
    ) {
        let (now, wraps_up) = match state {
            OperatorState::Talking { leg } => {
                rows.push(Row::Leg(LegRow {
                    leg: *leg,
                    known: at,
                    operator: Some(self.names.operator(operator)),
                    quality: None,
                }));
                (Some(leg.call), false)
            }
            OperatorState::WrapUp { call, .. } => (Some(*call), true),
            _ => (None, false),
        };
        let before = self.desks.remove(&operator).map(|mut desk| {
            let lasted = if desk.wraps_up {
                &mut desk.talk.wrap_up
            } else {
                &mut desk.talk.talked
            };
            *lasted = Some(lasted.unwrap_or_default() + after);
            desk.talk.known = at;
            desk.talk
        });
        let same = |talk: &TalkRow| Some(talk.call) == now;
        let (on, over) = match before {
            Some(talk) if same(&talk) => (Some(talk), None),
            before => (None, before),
        };
        rows.extend(over.map(Row::Talk));
        let Some(call) = now else { return };
        let talk = on.unwrap_or_else(|| TalkRow {
            call,
            operator: self.names.operator(operator),
            known: at,
            began: at,
            talked: None,
            wrap_up: None,
        });
        rows.push(Row::Talk(talk.clone()));
        self.desks.insert(operator, Desk { talk, wraps_up });
    }
}
