//! The oracle: watches what goes into a core and what comes out of it, and knows what must hold.
//!
//! Owns a picture of the queue drawn only from inputs and outputs; it never looks inside. What always holds: it
//! accepts a core's conduct only if, after every step,
//! - whoever is served is the oldest of those who could have been (rule 2), over all queues, for lines and for operators
//!   alike; head starts, preferences and skills, with their relaxation, narrow who could have been (3);
//! - no operator is in two calls and no phone rings for an operator who is not there, not ready or in wrap-up (4, 5);
//!   several ring for one call only where all shall, and stop when one is picked up;
//! - no line is given out beyond those in force, of the house and of each queue, by the oracle's own reading of the
//!   schedules, and none that another queue is guaranteed (1);
//! - every call has exactly one outcome, the right one, with the right times; its legs end with it;
//! - a place kept is given back to the caller it was kept for, once, and to nobody else (6); a call-back keeps ticket
//!   and age, is dialled once and in its turn, and not at all if its caller came back before;
//! - who cannot wait is sent where the queue says, and its line is given back at the right moment (7);
//! - every wait has a deadline and none is overrun (7); nobody waits while what they wait for is free.
//!
//! Deliberately does not judge *which* of several free operators is chosen, nor what is said to callers but for offers.

mod call_backs;
mod calls;
mod desks;
mod ending;
mod legs;
mod lines;
mod service;

use crate::calendar::Calendar;
use acd::{AcdConfig, CallId, Event, Input, LegId, OperatorId, Output, QueueConfig, QueueId};
use acd::{Skills, Snapshot, Stage, Timestamp};
use calls::{Call, Owner, Place};
use desks::Desk;
use service::Round;
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
    /// Of the queues that have a schedule of their own.
    calendars: Vec<Option<Calendar>>,
    now: Timestamp,
    inputs: u64,
    calls: BTreeMap<CallId, Call>,
    /// Those who wait for a line, by queue and ticket.
    queued: Vec<BTreeSet<(u64, CallId)>>,
    /// Those who wait for an operator, by queue and ticket.
    admitted: Vec<BTreeSet<(u64, CallId)>>,
    desks: Vec<Desk>,
    /// Operator's legs that are not over, by whoever holds them.
    legs: BTreeMap<LegId, OperatorId>,
    /// Legs outside that we dialled and that are not over: callers' of call-backs, and other places'.
    outside: BTreeSet<LegId>,
    /// Places kept: by whom they are found, then by ticket.
    places: BTreeMap<Owner, BTreeMap<u64, Place>>,
    /// The phones that are being rung for a call.
    round: Option<Round>,
    /// A call-back of which the core has said in this step that its caller took the place up.
    withdrawn: Option<u64>,
    lines_in_use: u32,
    /// Lines that each queue's calls hold.
    held: Vec<u32>,
    /// Lines a supervisor has ordered, and until when.
    by_hand: Option<(u32, Timestamp)>,
    ticket_max: u64,
    draining: bool,
    checks: Cell<u64>,
}

impl Oracle {
    /// An oracle for a core of this configuration that has not been told anything yet.
    ///
    /// # Errors
    /// The name of a time zone, if it is not known.
    pub fn new(config: &AcdConfig) -> Result<Self, jiff::Error> {
        let queues = config.queues.len();
        let own = |queue: &QueueConfig| queue.schedule.as_ref().map(Calendar::new).transpose();
        Ok(Self {
            calendar: Calendar::new(&config.schedule)?,
            calendars: config.queues.iter().map(own).collect::<Result<_, _>>()?,
            now: Timestamp::default(),
            inputs: 0,
            calls: BTreeMap::new(),
            queued: vec![BTreeSet::new(); queues],
            admitted: vec![BTreeSet::new(); queues],
            desks: vec![Desk::default(); config.operators.len()],
            legs: BTreeMap::new(),
            outside: BTreeSet::new(),
            places: BTreeMap::new(),
            round: None,
            withdrawn: None,
            lines_in_use: 0,
            held: vec![0; queues],
            by_hand: None,
            ticket_max: 0,
            draining: false,
            checks: Cell::new(0),
            config: config.clone(),
        })
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
            step = self.settled(input, next_deadline);
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
            Input::CallerGone { call, .. } => self.leg_over(LegId::caller(call)),
            Input::Drain | Input::HangUpAll => self.draining = true,
            Input::Started => self.draining = false,
            Input::SetLines { lines, until } => self.by_hand = Some((lines, until)),
            Input::FollowSchedule => self.by_hand = None,
            Input::PromptDone { call } => self.heard(call),
            _ => {
                let now = self.now;
                if let Some((desk, told)) = self.desk_told(input) {
                    desk.told(told, now);
                }
            }
        }
    }

    fn asked(&mut self, input: &Input, output: &Output) -> Result<(), Broken> {
        match output {
            Output::EarlyMedia { call } => self.early_media(*call),
            Output::Answer { call } => self.answer(*call),
            Output::Refuse { call, .. } => self.refuse(*call),
            Output::Play { call, audio } => self.play(*call, *audio, input),
            Output::Dial { leg, operator, .. } => self.dial(*leg, *operator),
            Output::DialOut { leg, to, caller, .. } => self.dial_out(*leg, *to, *caller),
            Output::Ringback { leg } => self.ringback(*leg),
            Output::Bridge { operator_leg } => self.bridge(*operator_leg, input),
            // Virtual operators ask nobody.
            Output::Confer { .. } => Ok(()),
            Output::HangUp { leg, .. } => self.hang_up(*leg),
            Output::Event(event) => self.became(input, event),
        }
    }

    fn became(&mut self, input: &Input, event: &Event) -> Result<(), Broken> {
        match *event {
            Event::CallArrived { .. } => self.arrived(input, event),
            Event::CallChose { call, skills } => self.chose(input, call, skills),
            Event::CallBackPromised { .. } => self.promised(input, event),
            Event::CallerDialled { call, operator, .. } => self.caller_dialled(input, call, operator),
            Event::CallForwarded { call, to, leg, .. } => self.forwarded(input, call, to, leg),
            Event::CallAdmitted { call, .. } => self.admit(call),
            Event::CallAssigned {
                call, leg, ref why, ..
            } => self.assigned(call, leg, why),
            Event::CallReturned { call, operator, .. } => self.returned(call, operator),
            Event::CallConnected { call, waited, .. } => self.connected(call, waited),
            Event::CallHeld { call, held } => self.held(call, held),
            Event::CallLeaving { call, outcome, .. } => self.leaving(input, call, outcome),
            Event::CallEnded { .. } => self.ended(input, event),
            Event::OperatorChanged { operator, state, .. } => self.operator_changed(operator, state),
            Event::FifoOvertaken { call, by } => Err((
                "fifo",
                format!("the core itself reports that {by} overtook {call}"),
            )),
            _ => Ok(()),
        }
    }

    /// What must hold once the core has said all it has to say about an input.
    fn settled(&mut self, input: &Input, next_deadline: Option<Timestamp>) -> Result<(), Broken> {
        self.round_over(None)?;
        let withdrawn = self.withdrawn.take();
        self.check(withdrawn.is_none(), "call-backs", || {
            format!("ticket {withdrawn:?} was withdrawn, but nobody took it up")
        })?;
        self.key_was_heard(input)?;
        self.nobody_waits_for_a_free_line()?;
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
        type Seen = (u64, CallId, QueueId, Timestamp, Skills, Stage);
        let told: Vec<Seen> = snapshot
            .calls
            .iter()
            .map(|c| (c.ticket, c.call, c.queue, c.since, c.skills, c.stage))
            .collect();
        let mut seen: Vec<Seen> = self
            .calls
            .iter()
            .map(|(id, c)| (c.ticket, *id, c.queue, c.since, c.skills, c.stage()))
            .collect();
        seen.sort_by_key(|(ticket, id, ..)| (*ticket, *id));
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
        let waiting = |lists: &[BTreeSet<(u64, CallId)>]| lists.iter().map(BTreeSet::len).sum::<usize>();
        let left = [
            self.calls.len(),
            self.legs.len(),
            self.outside.len(),
            self.lines_in_use as usize,
            waiting(&self.queued),
            waiting(&self.admitted),
        ];
        let desks = self
            .desks
            .iter()
            .filter(|desk| desk.has_deadline() || desk.leg().is_some())
            .count();
        self.check(left == [0; 6] && desks == 0, "nothing leaks", || {
            format!("calls, legs, legs outside, lines, queued, admitted: {left:?}; operators busy {desks}")
        })
        .map_err(|broken| self.violation(&Input::Tick, broken))
    }
}

/// A wait in words.
fn words(duration: Duration) -> String {
    format!("{:.6} s", crate::calendar::seconds(duration))
}
