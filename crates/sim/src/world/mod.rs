//! The virtual world: callers, operators and phones around the real core, in virtual time.
//!
//! Owns the order of events and nothing of the queue: it tells the core what happens and does what the core asks for.
//! What always holds: the same scenario gives the same run, input by input, on any machine; and when the last day is
//! over, everybody goes home and nothing is left (the healing phase).
//!
//! Deliberately does not model SIP or RTP: a phone here is a delay and a decision.

mod agenda;
mod beyond;
mod callers;
mod noise;
mod staff;
mod subject;

use crate::arrivals;
use crate::calendar::{Calendar, date_after};
use crate::dist::Distribution;
use crate::oracle::Violation;
use crate::record::{CallBackRecord, CallRecord, Judged, Recorder, SLOTS, Usage};
use crate::rng::{Purpose, Stream};
use crate::scenario::{Faults, Scenario};
use acd::schedule::Timetable;
use acd::{CallId, ConfigError, Event, Input, LegId, Outcome, Output, Timestamp};
use agenda::{Agenda, Happening, Try};
use callers::Caller;
use staff::{Operator, Phone};
use std::collections::BTreeMap;
use std::time::Duration;
use subject::Subject;

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The scenario cannot be run.
    #[error("the scenario cannot be run: {0}")]
    Config(#[from] ConfigError),
    /// The time zone is not known.
    #[error("lines.time_zone: {0}; use an IANA name such as \"Asia/Shanghai\"")]
    TimeZone(#[from] jiff::Error),
    /// The core broke a rule. Run the same scenario and seed again to see it again.
    #[error("the queue broke a rule with seed {seed}: {violation}")]
    Violation {
        /// The seed that shows it.
        seed: u64,
        /// What happened.
        violation: Box<Violation>,
    },
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// All calls that arrived, in the order they ended.
    pub calls: Vec<CallRecord>,
    /// All call-backs that were promised, in the order they ended.
    pub call_backs: Vec<CallBackRecord>,
    /// Who did what for how long, by time of day.
    pub slots: [Usage; SLOTS],
    /// How the announced waits came true, by hour of the day.
    pub judged: [Judged; 24],
    /// Days that were simulated.
    pub days: u32,
    /// The first moment of the first day.
    pub begin: Timestamp,
    /// Inputs given to the core.
    pub inputs: u64,
    /// Checks the oracle made; all held.
    pub checks: u64,
    /// Crashes the core came back from.
    pub crashes: u64,
    /// A digest of every input and of every call's record: equal runs have equal digests.
    pub digest: u64,
}

/// Runs a scenario to its end; `on_day` is told each day that begins, from 0.
///
/// # Errors
/// If the scenario cannot be run, or the core broke a rule.
pub fn run(scenario: &Scenario, on_day: &mut dyn FnMut(u32)) -> Result<Run, SimError> {
    let mut world = World::new(scenario)?;
    let outcome = world.live(on_day).and_then(|()| world.heal());
    outcome.map_err(|violation| SimError::Violation {
        seed: scenario.seed,
        violation: Box::new(violation),
    })?;
    Ok(world.finish())
}

struct World<'a> {
    scenario: &'a Scenario,
    faults: Faults,
    calendar: Calendar,
    roster: Timetable,
    subject: Subject,
    agenda: Agenda,
    recorder: Recorder,
    network: Stream,
    now: Timestamp,
    begin: Timestamp,
    end: Timestamp,
    next_call: u64,
    callers: BTreeMap<CallId, Caller>,
    phones: BTreeMap<LegId, Phone>,
    operators: Vec<Operator>,
    /// The last day is over: nobody calls again.
    healing: bool,
    digest: Digest,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario) -> Result<Self, SimError> {
        let calendar = Calendar::new(&scenario.lines)?;
        let config = scenario.acd_config();
        let operators = config.operators.len();
        let begin = calendar.midnight(scenario.first_day);
        let end = calendar.midnight(date_after(scenario.first_day, scenario.days));
        let seed = scenario.seed;
        let mut world = Self {
            scenario,
            faults: scenario.faults,
            roster: Timetable::new(scenario.roster())?,
            subject: Subject::new(config, seed, scenario.faults.crash)?,
            agenda: Agenda::default(),
            recorder: Recorder::new(calendar.clone(), operators, begin, end),
            calendar,
            network: Stream::new(seed, Purpose::Network, 0),
            now: begin,
            begin,
            end,
            next_call: 1,
            callers: BTreeMap::new(),
            phones: BTreeMap::new(),
            operators: (0..operators)
                .map(|index| Operator::new(seed, index as u32))
                .collect(),
            healing: false,
            digest: Digest::default(),
        };
        world.agenda.plan(begin, Happening::DayBegins { day: 0 });
        world.agenda.plan(begin, Happening::RosterChanges);
        Ok(world)
    }

    /// The days of the scenario.
    fn live(&mut self, on_day: &mut dyn FnMut(u32)) -> Result<(), Violation> {
        self.plug_phones_in()?;
        self.plan_supervisor();
        self.plan_stop();
        while let Some(happening) = self.next(self.end)? {
            if let Happening::DayBegins { day } = happening {
                on_day(day);
            }
            self.happens(happening)?;
        }
        self.now = self.end;
        self.tell(Input::Tick)
    }

    /// Everything comes to its end: no new calls, no faults; then the operators go home.
    fn heal(&mut self) -> Result<(), Violation> {
        self.healing = true;
        self.faults = Faults::NONE;
        self.subject.heal();
        self.tell(Input::FollowSchedule)?;
        if self.scenario.faults.stop_every != Distribution::Never {
            self.tell(Input::Started)?;
        }
        self.phones_come_back()?;
        let patience_ends = self.now + HEALING_MAX;
        while !self.callers.is_empty() {
            match self.next(patience_ends)? {
                Some(happening) => self.happens(happening)?,
                None => break,
            }
        }
        self.everybody_home()?;
        let graces = self.scenario.queues().map(|queue| queue.place_grace);
        self.now = self.now + graces.fold(WRAP_UP_ENDS, Duration::max);
        self.tell(Input::Tick)?;
        self.subject.oracle.nothing_left()?;
        let snapshot = self.subject.snapshot();
        self.subject.oracle.audit(&Input::Tick, &snapshot)
    }

    /// The next thing that happens before `end`, after the core was told of the deadlines before it.
    fn next(&mut self, end: Timestamp) -> Result<Option<Happening>, Violation> {
        loop {
            let happens = self.agenda.next_at().filter(|at| *at < end);
            let due = self.subject.next_deadline().filter(|at| *at < end);
            match (happens, due) {
                (None, None) => return Ok(None),
                (Some(at), due) if due.is_none_or(|due| at < due) => {
                    self.now = self.now.max(at);
                    return Ok(self.agenda.pop());
                }
                (_, Some(due)) => {
                    self.now = self.now.max(due);
                    self.tell(Input::Tick)?;
                }
                (Some(_), None) => unreachable!("the arm above takes it"),
            }
        }
    }

    fn happens(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::DayBegins { day } => self.day_begins(day),
            Happening::Dials(_) if self.healing => {}
            Happening::Dials(attempt) => return self.dials(attempt),
            Happening::CallerLeaves { call, cause } => return self.caller_leaves(call, cause),
            Happening::PromptEnds { call, play } => return self.prompt_ends(call, play),
            Happening::KeyPressed { call, key } => return self.key_pressed(call, key),
            Happening::CallsAgain { .. } if self.healing => {}
            Happening::CallsAgain { call_back } => return self.calls_again(call_back),
            Happening::TalkEnds { leg } => return self.talk_ends(leg),
            Happening::Drains => return self.drains(),
            Happening::Stops => return self.stops(),
            Happening::Starts => return self.starts(),
            Happening::SupervisorActs => return self.supervisor_acts(),
            other => return self.staff_happens(other),
        }
        Ok(())
    }

    fn day_begins(&mut self, day: u32) {
        self.recorder.begin_day(day);
        let date = date_after(self.scenario.first_day, day);
        let arrived = arrivals::of_day(
            &self.scenario.arrivals,
            &mut self.calendar,
            self.scenario.seed,
            day,
            date,
        );
        for (person, at) in (0..).zip(arrived) {
            self.agenda.plan(
                at,
                Happening::Dials(Try {
                    day,
                    person,
                    attempt: 1,
                    first: at,
                }),
            );
        }
        let next = day + 1;
        if next < self.scenario.days {
            let midnight = self.calendar.midnight(date_after(self.scenario.first_day, next));
            self.agenda.plan(midnight, Happening::DayBegins { day: next });
        }
    }

    /// Tells the core one thing, perhaps twice, and does what it asks for.
    fn tell(&mut self, input: Input) -> Result<(), Violation> {
        self.tell_once(input)?;
        // A caller's INVITE is told apart by its dialog, and a longer wrap-up asked for twice is twice as long.
        let repeatable = !matches!(input, Input::CallArrived { .. } | Input::ExtendWrapUp { .. });
        if repeatable && self.faults.duplicate > 0.0 && self.network.chance(self.faults.duplicate) {
            self.tell_once(input)?;
        }
        self.maybe_stray()
    }

    fn tell_once(&mut self, input: Input) -> Result<(), Violation> {
        self.recorder.advance(self.now);
        self.digest.input(self.now, &input);
        self.subject.tell(self.now, input)?;
        let mut outputs = std::mem::take(&mut self.subject.outputs);
        for output in outputs.drain(..) {
            self.carry_out(output);
        }
        self.subject.outputs = outputs;
        Ok(())
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Play { call, audio } => self.hears(call, audio),
            Output::Dial { leg, operator, .. } => self.phone_dialled(leg, operator),
            Output::DialOut { leg, to, .. } => self.dialled_out(leg, to),
            Output::Bridge { operator_leg } => self.bridged(operator_leg),
            Output::HangUp { leg, .. } => self.hung_up(leg),
            Output::Event(event) => {
                self.recorder.event(&event);
                match event {
                    Event::CallEnded { call, outcome, .. } => self.call_over(call, outcome),
                    Event::CallBackPromised { call, from, .. } => self.promised(call, from),
                    Event::CallerDialled { operator, .. } => self.caller_dialled(operator),
                    Event::OperatorChanged { operator, state, .. } => self.operator_is(operator, state),
                    _ => {}
                }
            }
            Output::Answer { .. }
            | Output::Confer { .. }
            | Output::EarlyMedia { .. }
            | Output::Refuse { .. }
            | Output::Ringback { .. } => {}
        }
    }

    fn finish(self) -> Run {
        let mut digest = self.digest;
        self.recorder.calls.iter().for_each(|call| digest.record(call));
        self.recorder
            .call_backs
            .iter()
            .for_each(|call| digest.call_back(call));
        Run {
            calls: self.recorder.calls,
            call_backs: self.recorder.call_backs,
            slots: self.recorder.slots,
            judged: self.recorder.judged,
            days: self.scenario.days,
            begin: self.begin,
            inputs: self.subject.oracle.inputs(),
            checks: self.subject.oracle.checks(),
            crashes: self.subject.crashes,
            digest: digest.0,
        }
    }
}

/// Longer than any wait or conversation that is drawn; a call still up then is stuck.
const HEALING_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Longer than the longest wrap-up with all its extensions.
const WRAP_UP_ENDS: Duration = Duration::from_secs(24 * 3_600);

/// FNV-1a over what happened.
struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    fn number(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn input(&mut self, at: Timestamp, input: &Input) {
        self.number(at.as_micros());
        let (kind, about) = match *input {
            Input::CallArrived { call, .. } => (1, call.0),
            Input::CallerGone { call, .. } => (2, call.0),
            Input::PromptDone { call } => (3, call.0),
            Input::LegRinging { leg } => (4, leg.call.0),
            Input::LegAnswered { leg } => (5, leg.call.0),
            Input::LegFailed { leg, .. } => (6, leg.call.0),
            Input::LegGone { leg } => (7, leg.call.0),
            Input::Ready { operator } => (8, u64::from(operator.0)),
            Input::Pause { operator, .. } => (9, u64::from(operator.0)),
            Input::Dtmf { call, digit } => (11, call.0 ^ (u64::from(digit) << 32)),
            Input::Drain => (12, 0),
            Input::HangUpAll => (13, 0),
            Input::Started => (14, 0),
            _ => (10, 0),
        };
        self.number(kind);
        self.number(about);
    }

    fn record(&mut self, call: &CallRecord) {
        self.end_of(call.arrived, call.waited, call.talked, call.outcome);
    }

    fn call_back(&mut self, call: &CallBackRecord) {
        self.end_of(call.promised, call.waited, call.talked, call.outcome);
    }

    fn end_of(&mut self, began: Timestamp, waited: Duration, talked: Duration, outcome: Outcome) {
        let times = [
            began.as_micros(),
            waited.as_micros() as u64,
            talked.as_micros() as u64,
        ];
        times
            .into_iter()
            .chain([outcome as u64])
            .for_each(|number| self.number(number));
    }
}
