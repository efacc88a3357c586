//! What happened in a run: a record of every call, and who did what for how long over the day.
//!
//! Owns the bookkeeping, from events alone. Sums are kept in slots of the wall clock's day, so that a week shows as
//! one average day.

use crate::calendar::{Calendar, next_quarter, seconds};
use acd::{CallId, Event, OperatorState, Outcome, Timestamp, Waits};
use std::collections::BTreeMap;
use std::time::Duration;

/// Slots of the wall clock's day.
pub const SLOTS: usize = 96;

/// One call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallRecord {
    /// When it arrived.
    pub arrived: Timestamp,
    /// Day of the run it arrived on, from 0.
    pub day: u32,
    /// Hour of the day it arrived in, 0–23.
    pub hour: u8,
    /// Which attempt of its person it was: 1 for the first.
    pub attempt: u32,
    /// When that person first tried.
    pub first: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Arrival to connection, or to the end.
    pub waited: Duration,
    /// Connection to end.
    pub talked: Duration,
    /// Whether it took up the place of an earlier attempt.
    pub resumed: bool,
    /// Whether another place took it.
    pub forwarded: bool,
}

/// One call-back that was promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallBackRecord {
    /// When.
    pub promised: Timestamp,
    /// How it ended: answered, failed (the caller was not reached), timed out (its turn did not come in time) or
    /// abandoned (the caller called again).
    pub outcome: Outcome,
    /// Promise to connection, or to the end.
    pub waited: Duration,
    /// Connection to end.
    pub talked: Duration,
}

/// What was in use in one slot of the day: seconds summed over all days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Time that passed.
    pub seconds: f64,
    /// Lines in force × time.
    pub lines: f64,
    /// Lines in use × time.
    pub lines_in_use: f64,
    /// Calls waiting (for a line or an operator, ringing included) × time.
    pub waiting: f64,
    /// Operators × time, by the states of [`OperatorState::NAMES`].
    pub operators: [f64; 6],
    /// Most calls waiting at any moment.
    pub waiting_max: u32,
    /// Most lines in use at any moment.
    pub lines_max: u32,
}

impl Usage {
    /// Both together.
    pub fn add(&mut self, other: &Usage) {
        self.seconds += other.seconds;
        self.lines += other.lines;
        self.lines_in_use += other.lines_in_use;
        self.waiting += other.waiting;
        for (sum, more) in self.operators.iter_mut().zip(other.operators) {
            *sum += more;
        }
        self.waiting_max = self.waiting_max.max(other.waiting_max);
        self.lines_max = self.lines_max.max(other.lines_max);
    }
}

/// How announcements came true, for callers who were connected in one hour of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judged {
    /// Announcements that told a wait.
    pub told: u64,
    /// Those whose caller waited no longer than told.
    pub kept: u64,
    /// Each predictor's errors, in the order of [`PREDICTORS`].
    pub errors: [Errors; 3],
}

/// One predictor's errors: prediction less the wait that followed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Predictions that were judged.
    pub count: u64,
    /// Sum of the errors, in seconds.
    pub sum_s: f64,
    /// Sum of their magnitudes, in seconds.
    pub magnitude_s: f64,
}

/// The predictors of [`acd::Waits`], in order.
pub const PREDICTORS: [&str; 3] = ["queue-length", "last-to-enter-service", "head-of-line"];

impl Judged {
    /// Both together.
    pub fn add(&mut self, other: &Judged) {
        self.told += other.told;
        self.kept += other.kept;
        for (errors, more) in self.errors.iter_mut().zip(other.errors) {
            errors.count += more.count;
            errors.sum_s += more.sum_s;
            errors.magnitude_s += more.magnitude_s;
        }
    }

    fn judge(&mut self, announced: Option<Duration>, waits: &Waits, waited: Duration) {
        if let Some(announced) = announced {
            self.told += 1;
            self.kept += u64::from(waited <= announced);
        }
        let predicted = [
            waits.queue_length,
            waits.last_to_enter_service,
            waits.head_of_line,
        ];
        for (errors, predicted) in self.errors.iter_mut().zip(predicted) {
            if let Some(predicted) = predicted {
                let error = seconds(predicted) - seconds(waited);
                errors.count += 1;
                errors.sum_s += error;
                errors.magnitude_s += error.abs();
            }
        }
    }
}

/// The bookkeeper.
pub(crate) struct Recorder {
    calendar: Calendar,
    live: BTreeMap<CallId, Live>,
    now: Timestamp,
    until: Timestamp,
    day: u32,
    lines: u32,
    lines_in_use: u32,
    waiting: u32,
    states: Vec<OperatorState>,
    counts: [u32; 6],
    pub(crate) calls: Vec<CallRecord>,
    pub(crate) call_backs: Vec<CallBackRecord>,
    pub(crate) slots: [Usage; SLOTS],
    pub(crate) judged: [Judged; 24],
}

struct Live {
    record: CallRecord,
    line: bool,
    waits: bool,
}

impl Recorder {
    /// Keeps time from `from` to `until`, and records of the calls that arrive in between.
    pub(crate) fn new(calendar: Calendar, operators: usize, from: Timestamp, until: Timestamp) -> Self {
        let mut counts = [0; 6];
        counts[0] = operators as u32;
        Self {
            calendar,
            live: BTreeMap::new(),
            now: from,
            until,
            day: 0,
            lines: 0,
            lines_in_use: 0,
            waiting: 0,
            states: vec![OperatorState::SignedOff; operators],
            counts,
            calls: Vec::new(),
            call_backs: Vec::new(),
            slots: [Usage::default(); SLOTS],
            judged: [Judged::default(); 24],
        }
    }

    /// Midnight.
    pub(crate) fn begin_day(&mut self, day: u32) {
        self.day = day;
    }

    /// A person is about to call.
    pub(crate) fn call(&mut self, id: CallId, at: Timestamp, attempt: u32, first: Timestamp) {
        let record = CallRecord {
            arrived: at,
            day: self.day,
            hour: self.calendar.hour_of_day(at) as u8,
            attempt,
            first,
            outcome: Outcome::Failed,
            waited: Duration::ZERO,
            talked: Duration::ZERO,
            resumed: false,
            forwarded: false,
        };
        self.live.insert(
            id,
            Live {
                record,
                line: false,
                waits: false,
            },
        );
    }

    /// Time goes on to `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        let now = now.min(self.until);
        while self.now < now {
            let end = next_quarter(self.now).min(now);
            let slot = self.slot(self.now);
            let passed = seconds(end.since(self.now));
            let (lines, in_use, waiting, counts) = (self.lines, self.lines_in_use, self.waiting, self.counts);
            let usage = &mut self.slots[slot];
            usage.seconds += passed;
            usage.lines += passed * f64::from(lines);
            usage.lines_in_use += passed * f64::from(in_use);
            usage.waiting += passed * f64::from(waiting);
            for (sum, count) in usage.operators.iter_mut().zip(counts) {
                *sum += passed * f64::from(count);
            }
            usage.waiting_max = usage.waiting_max.max(waiting);
            usage.lines_max = usage.lines_max.max(in_use);
            self.now = end;
        }
    }

    fn slot(&mut self, at: Timestamp) -> usize {
        self.calendar.minute_of_day(at) as usize * SLOTS / 1_440
    }

    /// Something became true, now.
    pub(crate) fn event(&mut self, event: &Event) {
        match *event {
            Event::CallArrived { call, resumed, .. } => {
                if let Some(live) = self.live.get_mut(&call) {
                    live.record.resumed = resumed;
                    live.waits = true;
                    self.waiting += 1;
                }
            }
            Event::CallBackPromised { call, .. } => self.call(call, self.now, 0, self.now),
            Event::CallForwarded { call, .. } => {
                if let Some(live) = self.live.get_mut(&call) {
                    live.record.forwarded = true;
                    self.lines_in_use -= u32::from(std::mem::take(&mut live.line));
                }
            }
            Event::CallAdmitted { call, .. } => {
                if let Some(live) = self.live.get_mut(&call) {
                    live.line = true;
                    self.lines_in_use += 1;
                }
            }
            Event::CallConnected { call, .. } | Event::CallLeaving { call, .. } => self.waits_no_more(call),
            Event::CallEnded {
                call,
                outcome,
                waited,
                talked,
                ..
            } => self.ended(call, outcome, waited, talked),
            Event::WaitJudged {
                announced,
                ref waits,
                waited,
                ..
            } if self.now < self.until => {
                let hour = self.calendar.hour_of_day(self.now);
                if let Some(judged) = self.judged.get_mut(hour) {
                    judged.judge(announced, waits, waited);
                }
            }
            Event::CapacityChanged { lines, .. } => self.lines = lines,
            Event::OperatorChanged { operator, state, .. } => {
                if let Some(before) = self.states.get_mut(operator.0 as usize) {
                    self.counts[index(*before)] -= 1;
                    self.counts[index(state)] += 1;
                    *before = state;
                }
            }
            _ => {}
        }
    }

    fn waits_no_more(&mut self, call: CallId) {
        if let Some(live) = self.live.get_mut(&call)
            && std::mem::take(&mut live.waits)
        {
            self.waiting -= 1;
        }
    }

    fn ended(&mut self, call: CallId, outcome: Outcome, waited: Duration, talked: Duration) {
        self.waits_no_more(call);
        let Some(live) = self.live.remove(&call) else {
            return;
        };
        self.lines_in_use -= u32::from(live.line);
        if live.record.arrived >= self.until {
            return;
        }
        if call.is_call_back() {
            self.call_backs.push(CallBackRecord {
                promised: live.record.arrived,
                outcome,
                waited,
                talked,
            });
        } else {
            self.calls.push(CallRecord {
                outcome,
                waited,
                talked,
                ..live.record
            });
        }
    }
}

/// Where a state stands in [`OperatorState::NAMES`].
fn index(state: OperatorState) -> usize {
    match state {
        OperatorState::SignedOff => 0,
        OperatorState::Paused { .. } => 1,
        OperatorState::Available => 2,
        OperatorState::Reserved { .. } => 3,
        OperatorState::Talking { .. } => 4,
        OperatorState::WrapUp { .. } => 5,
    }
}
