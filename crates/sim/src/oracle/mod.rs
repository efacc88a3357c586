//! The oracle: watches what goes into a core and what comes out of it, and knows what must hold.
//!
//! Owns a picture of the queue drawn only from inputs and outputs; it never looks inside. What always holds: it
//! accepts a core's conduct only if, after every step,
//! - whoever is served is the oldest of those who could have been (rule 2), for lines and for operators alike;
//! - no operator is in two calls and no phone rings for an operator who is not there, not ready or in wrap-up (4, 5);
//! - no line is given out beyond those in force, by the oracle's own reading of the schedule (1);
//! - every call has exactly one outcome, the right one, with the right times; its legs end with it;
//! - a place kept is given back to the caller it was kept for, once, and to nobody else (6);
//! - every wait has a deadline and none is overrun (7); nobody waits while what they wait for is free.
//!
//! Deliberately does not judge *which* of several free operators is chosen, nor what is said to callers.

mod calls;
mod desks;

use crate::calendar::Calendar;
use acd::{AcdConfig, CallId, CallerNumber, Event, Input, LegId, OperatorId, Output, QueueId};
use acd::{Snapshot, Stage, Timestamp, TrunkId};
use calls::{Call, Place};
use desks::Desk;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("at {at_us} µs, input {input_number} ({input:?}): {rule}: {detail}")]
pub struct Violation {
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// Which input it was since the start, from 1.
    pub input_number: u64,
    /// The input in hand.
    pub input: Box<Input>,
    /// The rule.
    pub rule: &'static str,
    /// What was seen.
    pub detail: String,
}

/// A rule and what broke it.
type Broken = (&'static str, String);

/// What may be known from outside.
pub struct Oracle {
    config: AcdConfig,
    calendar: Calendar,
    now: Timestamp,
    inputs: u64,
    calls: BTreeMap<CallId, Call>,
    /// Those who wait for a line, by ticket.
    queued: BTreeSet<(u64, CallId)>,
    /// Those who wait for an operator, by queue and ticket.
    admitted: Vec<BTreeSet<(u64, CallId)>>,
    desks: Vec<Desk>,
    /// Operator's legs that are not over, by whoever holds them.
    legs: BTreeMap<LegId, OperatorId>,
    /// Places kept: by whom they are found, then by ticket, with when they lapse.
    places: BTreeMap<(TrunkId, QueueId, CallerNumber), BTreeMap<u64, Place>>,
    lines_in_use: u32,
    /// Lines a supervisor has ordered, and until when.
    by_hand: Option<(u32, Timestamp)>,
    ticket_max: u64,
    draining: bool,
    checks: Cell<u64>,
}

impl Oracle {
    /// An oracle for a core of this configuration that has not been told anything yet.
    pub fn new(config: &AcdConfig, calendar: Calendar) -> Self {
        Self {
            calendar,
            now: Timestamp::default(),
            inputs: 0,
            calls: BTreeMap::new(),
            queued: BTreeSet::new(),
            admitted: vec![BTreeSet::new(); config.queues.len()],
            desks: vec![Desk::default(); config.operators.len()],
            legs: BTreeMap::new(),
            places: BTreeMap::new(),
            lines_in_use: 0,
            by_hand: None,
            ticket_max: 0,
            draining: false,
            checks: Cell::new(0),
            config: config.clone(),
        }
    }

    /// Watches one step of the core.
    ///
    /// # Errors
    /// The first rule that was broken.
    pub fn watch(
        &mut self,
        now: Timestamp,
        input: &Input,
        outputs: &[Output],
        next_deadline: Option<Timestamp>,
    ) -> Result<(), Violation> {
        self.now = now;
        self.inputs += 1;
        self.told(input);
        let mut step = outputs.iter().try_for_each(|output| self.asked(input, output));
        if step.is_ok() {
            step = self.settled(next_deadline);
        }
        step.map_err(|broken| self.violation(input, broken))
    }

    fn violation(&self, input: &Input, (rule, detail): Broken) -> Violation {
        Violation {
            at_us: self.now.as_micros(),
            input_number: self.inputs,
            input: Box::new(*input),
            rule,
            detail,
        }
    }

    /// How many times a rule was checked.
    pub fn checks(&self) -> u64 {
        self.checks.get()
    }

    /// How many inputs were watched.
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// What an input tells by itself, before the core has said anything.
    fn told(&mut self, input: &Input) {
        match *input {
            Input::LegFailed { leg, .. } | Input::LegGone { leg } => self.leg_over(leg),
            Input::Drain | Input::HangUpAll => self.draining = true,
            Input::SetLines { lines, until } => self.by_hand = Some((lines, until)),
            Input::FollowSchedule => self.by_hand = None,
            _ => {
                let now = self.now;
                if let Some((desk, told)) = self.desk_told(input) {
                    desk.told(told, now);
                }
            }
        }
    }

    /// Lines in force: by hand, or by the oracle's own reading of the schedule.
    fn lines_in_force(&mut self) -> u32 {
        match self.by_hand {
            Some((lines, until)) if self.now < until => lines,
            _ => self.calendar.lines_at(self.now),
        }
    }

    fn asked(&mut self, input: &Input, output: &Output) -> Result<(), Broken> {
        match output {
            Output::EarlyMedia { call } => self.early_media(*call),
            Output::Answer { call } => self.answer(*call),
            Output::Refuse { call, .. } => self.refuse(*call),
            Output::Play { call, .. } => self.play(*call, input),
            Output::Dial { leg, operator, .. } => self.dial(*leg, *operator),
            Output::DialOut { .. } | Output::Ringback { .. } => {
                Err(("nobody asked", "a phone outside is dialled".to_owned()))
            }
            Output::Bridge { operator_leg } => self.bridge(*operator_leg, input),
            Output::HangUp { leg, .. } => self.hang_up(*leg),
            Output::Event(event) => self.became(input, event),
        }
    }

    fn became(&mut self, input: &Input, event: &Event) -> Result<(), Broken> {
        match *event {
            Event::CallArrived {
                call,
                ticket,
                resumed,
                ..
            } => self.arrived(input, call, ticket, resumed),
            Event::CallAdmitted { call, .. } => self.admit(call),
            Event::CallAssigned {
                call, leg, ref why, ..
            } => self.assigned(call, leg, why),
            Event::CallReturned { call, .. } => self.returned(call),
            Event::CallConnected { call, waited, .. } => self.connected(call, waited),
            Event::CallHeld { call, held } => self.held(call, held),
            Event::CallLeaving { call, .. } => self.leaving(call),
            Event::CallEnded {
                call,
                outcome,
                waited,
                talked,
                place_kept,
                ..
            } => self.ended(call, outcome, waited, talked, place_kept),
            Event::OperatorChanged { operator, state, .. } => self.operator_changed(operator, state),
            Event::FifoOvertaken { call, by } => Err((
                "fifo",
                format!("the core itself reports that {by} overtook {call}"),
            )),
            _ => Ok(()),
        }
    }

    /// What must hold once the core has said all it has to say about an input.
    fn settled(&mut self, next_deadline: Option<Timestamp>) -> Result<(), Broken> {
        let lines = self.lines_in_force();
        let first_queued = self.queued.first().copied();
        self.check(
            first_queued.is_none() || self.lines_in_use >= lines,
            "no idle line",
            || {
                format!(
                    "call {first_queued:?} waits while {} of {lines} lines are in use",
                    self.lines_in_use
                )
            },
        )?;
        self.nobody_waits_for_a_free_operator()?;
        let due = next_deadline.is_some_and(|deadline| deadline <= self.now);
        self.check(!due, "deadlines", || {
            format!("{next_deadline:?} has come and was not dealt with")
        })?;
        let forgotten =
            next_deadline.is_none() && (!self.calls.is_empty() || self.desks.iter().any(Desk::has_deadline));
        self.check(!forgotten, "every wait ends", || {
            "somebody waits and no deadline is set".to_owned()
        })
    }

    /// Waits that must have ended by now. Slower than [`Self::watch`]: looks at every call.
    ///
    /// # Errors
    /// The first rule that was broken, or a difference between the snapshot and what was told.
    pub fn audit(&mut self, input: &Input, snapshot: &Snapshot) -> Result<(), Violation> {
        self.overrun()
            .and_then(|()| self.compare(snapshot))
            .map_err(|broken| self.violation(input, broken))
    }

    fn compare(&mut self, snapshot: &Snapshot) -> Result<(), Broken> {
        let told: Vec<(CallId, u64, Stage)> = snapshot
            .calls
            .iter()
            .map(|c| (c.call, c.ticket, c.stage))
            .collect();
        let mut seen: Vec<(CallId, u64, Stage)> = self
            .calls
            .iter()
            .map(|(id, c)| (*id, c.ticket, c.stage()))
            .collect();
        seen.sort_by_key(|(_, ticket, _)| *ticket);
        self.check(told == seen, "snapshot", || {
            format!("calls are {told:?}, seen from outside {seen:?}")
        })?;
        let (in_use, in_force) = (self.lines_in_use, self.lines_in_force());
        self.check(
            (snapshot.lines_in_use, snapshot.lines) == (in_use, in_force),
            "snapshot",
            || {
                format!(
                    "lines {} of {}, seen {in_use} of {in_force}",
                    snapshot.lines_in_use, snapshot.lines
                )
            },
        )?;
        let same = snapshot
            .operators
            .iter()
            .zip(&self.desks)
            .all(|(view, desk)| desk.agrees(view));
        self.check(same, "snapshot", || {
            format!("operators are {:?}, seen {:?}", snapshot.operators, self.desks)
        })
    }

    /// Counts a check, and fails if `holds` is false.
    fn check(&self, holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Result<(), Broken> {
        self.checks.set(self.checks.get() + 1);
        if holds { Ok(()) } else { Err((rule, detail())) }
    }

    /// That nothing is left once everybody has gone.
    ///
    /// # Errors
    /// What is left.
    pub fn nothing_left(&mut self) -> Result<(), Violation> {
        let left = (
            self.calls.len(),
            self.legs.len(),
            self.lines_in_use,
            self.queued.len(),
        );
        let admitted = self.admitted.iter().map(BTreeSet::len).sum::<usize>();
        let desks = self
            .desks
            .iter()
            .filter(|desk| desk.has_deadline() || desk.leg().is_some())
            .count();
        let clean = left == (0, 0, 0, 0) && admitted == 0 && desks == 0;
        self.check(clean, "nothing leaks", || {
            format!("calls, legs, lines, queued: {left:?}; admitted {admitted}; operators busy {desks}")
        })
        .map_err(|broken| self.violation(&Input::Tick, broken))
    }
}

/// A wait in words.
fn words(duration: Duration) -> String {
    format!("{:.6} s", crate::calendar::seconds(duration))
}
