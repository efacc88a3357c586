//! The two designs the field uses, written plainly for comparison: they admit, assign and end calls as the core does,
//! and leave out the rest (no lines, no deadlines, no events), which is in their favour.

use crate::churn::{Design, Dials, POLL};
use acd::{CallId, Input, LegId, Timestamp};
use std::sync::Mutex;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Ringing,
    Talking,
}

/// A row of either design's table of callers.
#[derive(Clone, Copy)]
struct Caller {
    call: CallId,
    arrived: Timestamp,
    state: State,
    operator: usize,
}

impl Caller {
    fn new(call: CallId, arrived: Timestamp) -> Self {
        Self {
            call,
            arrived,
            state: State::Waiting,
            operator: usize::MAX,
        }
    }
}

/// A list behind a mutex, scanned for every assignment and every hang-up, as in a PBX's queue application.
pub(crate) struct LockedList {
    callers: Mutex<Vec<Caller>>,
    free: Mutex<Vec<bool>>,
}

impl LockedList {
    pub(crate) fn new(operators: usize) -> Self {
        Self {
            callers: Mutex::new(Vec::new()),
            free: Mutex::new(vec![false; operators]),
        }
    }

    /// Gives free operators the oldest callers, one scan for each.
    fn assign(&self, dials: &mut Dials) {
        let (mut callers, mut free) = (
            self.callers.lock().expect("sane"),
            self.free.lock().expect("sane"),
        );
        while let Some(operator) = free.iter().position(|free| *free) {
            let waiting = callers.iter_mut().filter(|caller| caller.state == State::Waiting);
            let Some(oldest) = waiting.min_by_key(|caller| (caller.arrived, caller.call)) else {
                return;
            };
            oldest.state = State::Ringing;
            oldest.operator = operator;
            free[operator] = false;
            dials.legs.push_back(LegId {
                call: oldest.call,
                leg: 1,
            });
        }
    }
}

impl Design for LockedList {
    fn input(&mut self, at: Timestamp, input: Input, dials: &mut Dials) {
        match input {
            Input::PhoneRegistered { operator } => {
                self.free.lock().expect("sane")[operator.0 as usize] = true
            }
            Input::CallArrived { call, .. } => self.callers.lock().expect("sane").push(Caller::new(call, at)),
            Input::LegAnswered { leg } => set_talking(&mut self.callers.lock().expect("sane"), leg.call),
            Input::LegGone {
                leg: LegId { call, .. },
            }
            | Input::CallerGone { call, .. } => {
                if let Some(operator) = remove(&mut self.callers.lock().expect("sane"), call) {
                    self.free.lock().expect("sane")[operator] = true;
                }
            }
            _ => return,
        }
        self.assign(dials);
    }
}

/// A table looked at every 100 ms: all who wait are selected, sorted by score, and matched with those who are free.
pub(crate) struct PolledTable {
    callers: Vec<Caller>,
    free: Vec<bool>,
    /// The result of the last selection; kept for its capacity.
    selected: Vec<(Timestamp, CallId, usize)>,
    next_poll: Timestamp,
}

impl PolledTable {
    pub(crate) fn new(operators: usize) -> Self {
        let (callers, selected) = Default::default();
        Self {
            callers,
            free: vec![false; operators],
            selected,
            next_poll: Timestamp::default(),
        }
    }

    fn poll(&mut self, dials: &mut Dials) {
        self.selected.clear();
        let rows = self
            .callers
            .iter()
            .enumerate()
            .filter(|(_, caller)| caller.state == State::Waiting);
        self.selected
            .extend(rows.map(|(row, caller)| (caller.arrived, caller.call, row)));
        self.selected.sort_unstable();
        let free = self.free.iter_mut().enumerate().filter(|(_, free)| **free);
        for ((_, call, row), (operator, free)) in self.selected.iter().zip(free) {
            *free = false;
            self.callers[*row].state = State::Ringing;
            self.callers[*row].operator = operator;
            dials.legs.push_back(LegId { call: *call, leg: 1 });
        }
    }
}

impl Design for PolledTable {
    fn input(&mut self, at: Timestamp, input: Input, dials: &mut Dials) {
        match input {
            Input::PhoneRegistered { operator } => self.free[operator.0 as usize] = true,
            Input::CallArrived { call, .. } => self.callers.push(Caller::new(call, at)),
            Input::LegAnswered { leg } => set_talking(&mut self.callers, leg.call),
            Input::LegGone {
                leg: LegId { call, .. },
            }
            | Input::CallerGone { call, .. } => {
                if let Some(operator) = remove(&mut self.callers, call) {
                    self.free[operator] = true;
                }
            }
            _ => {}
        }
        if at >= self.next_poll {
            self.next_poll = at + POLL;
            self.poll(dials);
        }
    }
}

fn set_talking(callers: &mut [Caller], call: CallId) {
    if let Some(caller) = callers.iter_mut().find(|caller| caller.call == call) {
        caller.state = State::Talking;
    }
}

/// Takes a caller out; gives the operator who is free now.
fn remove(callers: &mut Vec<Caller>, call: CallId) -> Option<usize> {
    let row = callers.iter().position(|caller| caller.call == call)?;
    let caller = callers.remove(row);
    (caller.state != State::Waiting).then_some(caller.operator)
}
