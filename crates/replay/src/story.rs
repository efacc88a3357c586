//! One caller's story in plain words, told from the journal alone.

use crate::walk::Watch;
use crate::words::{Words, count, length};
use acd::{
    Asked, Audio, CallId, Event, FailCause, GoneCause, Input, OperatorState, Output, ReturnCause, Role,
    Timestamp,
};
use journal::Head;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What happened to one call.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Story {
    /// In order.
    pub lines: Vec<Line>,
    /// "waited 4 min 12 s because …"; empty while the call waits or if it is not in the journal.
    pub summary: String,
    /// Seconds waited for a line, for an operator, and while phones rang.
    pub for_line_s: f64,
    /// See above.
    pub for_operator_s: f64,
    /// See above.
    pub rang_s: f64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// When, in microseconds since 1970.
    pub at_us: u64,
    /// When, in the house's time zone.
    pub at: String,
    /// What.
    pub what: String,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Line,
    Operator,
    Ring,
}

/// Listens for one call.
pub struct Teller {
    call: CallId,
    words: Words,
    story: Story,
    wait: Option<(Wait, Timestamp)>,
    arrived: Option<Timestamp>,
    waited: BTreeMap<&'static str, Duration>,
    ringing: u32,
    rings: u32,
    /// Whom it has talked with, and why it had waited for the first of them.
    talked_with: Vec<String>,
    because: Option<String>,
    // What is known of the house.
    lines: u32,
    holding: BTreeMap<CallId, ()>,
    waiting: BTreeMap<CallId, u64>,
    talking: BTreeMap<CallId, u64>,
    available: Vec<bool>,
    at_work: Vec<bool>,
}

impl Teller {
    /// One who will tell of `call`.
    pub fn new(call: CallId) -> Self {
        Self {
            call,
            words: Words::default(),
            story: Story::default(),
            wait: None,
            arrived: None,
            waited: BTreeMap::new(),
            ringing: 0,
            rings: 0,
            talked_with: Vec::new(),
            because: None,
            lines: 0,
            holding: BTreeMap::new(),
            waiting: BTreeMap::new(),
            talking: BTreeMap::new(),
            available: Vec::new(),
            at_work: Vec::new(),
        }
    }

    /// The story as far as it was heard.
    pub fn story(mut self) -> Story {
        let seconds = |what| self.waited.get(what).map_or(0.0, Duration::as_secs_f64);
        self.story.for_line_s = seconds(LINE);
        self.story.for_operator_s = seconds(OPERATOR);
        self.story.rang_s = seconds(RING);
        self.story
    }

    fn say(&mut self, at: Timestamp, what: String) {
        self.story.lines.push(Line {
            at_us: at.as_micros(),
            at: self.words.moment(at),
            what,
        });
    }

    /// The call waits for something else from now on, or for nothing.
    fn waits_for(&mut self, at: Timestamp, wait: Option<Wait>) {
        if let Some((before, since)) = self.wait.take() {
            let key = match before {
                Wait::Line => LINE,
                Wait::Operator => OPERATOR,
                Wait::Ring => RING,
            };
            *self.waited.entry(key).or_default() += at.since(since);
        }
        self.wait = wait.map(|wait| (wait, at));
    }

    /// Who else is there, as a reason to wait.
    fn house(&self) -> String {
        let before = self.before();
        let (in_use, lines) = (self.holding.len(), self.lines);
        let free = self.available.iter().filter(|free| **free).count();
        let at_work = self.at_work.iter().filter(|at_work| **at_work).count();
        format!(
            "{in_use} of {lines} lines in use, {} waiting before it, {free} of {at_work} operators at work free",
            count(before, "call", "calls")
        )
    }

    fn before(&self) -> usize {
        let mine = self.waiting.get(&self.call).copied().unwrap_or(u64::MAX);
        self.waiting.values().filter(|ticket| **ticket < mine).count()
    }

    fn summarize(&mut self, at: Timestamp, end: &str) {
        let because = self.because.take().or_else(|| self.because(at));
        if let Some(because) = &because {
            self.story.summary = format!("{end}; {because}");
        }
        self.because = because;
    }

    /// Why the call has waited until now.
    fn because(&self, at: Timestamp) -> Option<String> {
        let arrived = self.arrived?;
        let mut because = Vec::new();
        let mut part = |what, text: String| {
            if let Some(waited) = self.waited.get(what)
                && *waited >= Duration::from_millis(50)
            {
                because.push(format!("{text} for {}", length(*waited)));
            }
        };
        part(LINE, "no line was free".to_owned());
        part(OPERATOR, "no operator who takes such calls was free".to_owned());
        part(
            RING,
            format!("{} rang", count(self.rings as usize, "phone", "phones")),
        );
        Some(match because.is_empty() {
            true => "was served at once".to_owned(),
            false => format!(
                "waited {} because: {}",
                length(at.since(arrived)),
                because.join(", ")
            ),
        })
    }

    /// What became true of this call.
    fn mine(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::CallArrived {
                queue,
                caller,
                ticket,
                since,
                resumed,
                ..
            } => {
                self.arrived = Some(at);
                self.waits_for(at, Some(Wait::Line));
                let queue = self.words.queue(*queue).to_owned();
                let place = match resumed {
                    true => format!("takes up the place it had since {}", self.words.moment(*since)),
                    false => "has a new place".to_owned(),
                };
                let house = self.house();
                self.say(
                    at,
                    format!("{caller} calls {queue} and {place}: ticket {ticket}; {house}"),
                );
            }
            Event::CallAdmitted { waited, .. } => {
                self.waits_for(at, Some(Wait::Operator));
                let house = self.house();
                self.say(at, format!("given a line after {}; {house}", length(*waited)));
            }
            Event::PositionAnnounced { position, wait, .. } => {
                let wait = wait.map_or(String::new(), |wait| format!(", about {} to go", length(wait)));
                self.say(at, format!("told: number {position}{wait}"));
            }
            Event::CallAssigned { operator, why, .. } => {
                self.ringing += 1;
                self.rings += 1;
                if self.ringing == 1 {
                    self.waits_for(at, Some(Wait::Ring));
                }
                let operator = self.words.operator(*operator).to_owned();
                let passed = why.passed_over.map_or(String::new(), |call| {
                    format!("; call {call} stands before it, and {operator} may not take it")
                });
                let sticky = if why.favourite {
                    "; they talked of late"
                } else {
                    ""
                };
                self.say(
                    at,
                    format!(
                        "rings {operator}, idle for {}; {} free and eligible, {} waiting{sticky}{passed}",
                        length(why.idle),
                        count(why.eligible as usize, "operator", "operators"),
                        count(why.waiting as usize, "call", "calls"),
                    ),
                );
            }
            Event::CallReturned {
                operator,
                cause,
                rang,
                ..
            } => {
                self.ringing = self.ringing.saturating_sub(1);
                if self.ringing == 0 {
                    self.waits_for(at, Some(Wait::Operator));
                }
                let operator = self.words.operator(*operator);
                let text = format!(
                    "{operator} {} after {}: the call stands where it stood",
                    returned(*cause),
                    length(*rang)
                );
                self.say(at, text);
            }
            Event::CallConnected { operator, .. } => {
                self.ringing = 0;
                self.waits_for(at, None);
                let operator = self.words.operator(*operator).to_owned();
                self.say(at, format!("talks with {operator}"));
                self.talked_with.push(operator);
                let with = self.talked_with.join(", then ");
                self.summarize(at, &format!("talked with {with}"));
            }
            Event::ThirdChanged { third, .. } => {
                let what = match third {
                    None => "is between the two of them again".to_owned(),
                    Some(third) => {
                        let who = match third.who {
                            Asked::Operator(operator) => self.words.operator(operator).to_owned(),
                            Asked::Outside { number, .. } => format!("{number} outside"),
                        };
                        match third.role {
                            Role::Ringing => format!("{who} is rung about it"),
                            Role::Consulted => format!("{who} is asked about it"),
                            Role::Joined => format!("{who} joins in"),
                        }
                    }
                };
                self.say(at, what);
            }
            Event::CallTransferred { operator, to, .. } => {
                self.ringing = 1;
                self.rings += 1;
                self.waits_for(at, Some(Wait::Ring));
                let (from, to) = (self.words.operator(*operator), self.words.operator(*to));
                self.say(at, format!("is given by {from} to {to}"));
            }
            Event::CallSentOutside { operator, number, .. } => {
                self.ringing = 1;
                self.rings += 1;
                self.waits_for(at, Some(Wait::Ring));
                let from = self.words.operator(*operator);
                self.say(at, format!("is given by {from} to {number} outside"));
            }
            Event::OutsideAnswered { number, .. } => {
                self.ringing = 0;
                self.waits_for(at, None);
                self.say(
                    at,
                    format!("talks with {number} outside, and holds no line any more"),
                );
                self.talked_with.push(format!("{number} outside"));
                let with = self.talked_with.join(", then ");
                self.summarize(at, &format!("talked with {with}"));
            }
            Event::OutsideFailed { cause, rang, .. } => {
                self.ringing = 0;
                self.waits_for(at, Some(Wait::Operator));
                let why = returned(*cause);
                self.say(
                    at,
                    format!(
                        "outside {why} after {}: the call stands where it stood",
                        length(*rang)
                    ),
                );
            }
            Event::CallHeld { held, .. } => {
                self.say(
                    at,
                    if *held {
                        "is put on hold"
                    } else {
                        "is taken back from hold"
                    }
                    .to_owned(),
                );
            }
            Event::CallLeaving { outcome, .. } => {
                self.waits_for(at, None);
                self.say(at, format!("leaves the queue: {}", outcome.name()));
                self.summarize(at, outcome.name());
            }
            Event::CallEnded {
                outcome,
                talked,
                place_kept,
                ..
            } => {
                self.ringing = 0;
                self.waits_for(at, None);
                let talked = match talked.is_zero() {
                    true => String::new(),
                    false => format!(" after {} of talk", length(*talked)),
                };
                let kept = if *place_kept {
                    "; the place is kept for a redial"
                } else {
                    ""
                };
                self.say(at, format!("is over: {}{talked}{kept}", outcome.name()));
                if self.story.summary.is_empty() {
                    self.summarize(at, outcome.name());
                }
            }
            Event::FifoOvertaken { by, .. } => self.say(at, format!("WAS OVERTAKEN by call {by}")),
            _ => {}
        }
    }

    /// What became true of the house.
    fn of_house(&mut self, event: &Event) {
        match event {
            Event::CallArrived { call, ticket, .. } | Event::CallBackPromised { call, ticket, .. } => {
                self.waiting.insert(*call, *ticket);
            }
            Event::CallAdmitted { call, .. } => drop(self.holding.insert(*call, ())),
            Event::CallConnected { call, .. } => {
                self.talking.extend(self.waiting.remove_entry(call));
            }
            Event::CallTransferred { call, .. } | Event::CallSentOutside { call, .. } => {
                self.waiting.extend(self.talking.remove_entry(call));
            }
            Event::CallLeaving { call, .. } => drop(self.waiting.remove(call)),
            Event::CallEnded { call, .. }
            | Event::CallForwarded { call, .. }
            | Event::OutsideAnswered { call, .. } => {
                self.holding.remove(call);
                self.waiting.remove(call);
                self.talking.remove(call);
            }
            Event::CapacityChanged { lines, .. } => self.lines = *lines,
            Event::OperatorChanged { operator, state, .. } => {
                let index = operator.0 as usize;
                let off = matches!(state, OperatorState::SignedOff | OperatorState::Paused { .. });
                if let (Some(free), Some(at_work)) =
                    (self.available.get_mut(index), self.at_work.get_mut(index))
                {
                    *free = *state == OperatorState::Available;
                    *at_work = !off;
                }
            }
            _ => {}
        }
    }
}

const LINE: &str = "line";
const OPERATOR: &str = "operator";
const RING: &str = "ring";

fn returned(cause: ReturnCause) -> &'static str {
    match cause {
        ReturnCause::NoAnswer => "did not answer",
        ReturnCause::Failed(FailCause::Busy) => "was busy",
        ReturnCause::Failed(FailCause::Declined) => "declined",
        ReturnCause::Failed(FailCause::NoAnswer) => "did not answer",
        ReturnCause::Failed(FailCause::Unreachable) => "could not be reached",
        ReturnCause::Failed(FailCause::Other(_)) => "refused",
        ReturnCause::PhoneGone => "lost the phone",
        ReturnCause::OperatorLeft => "left",
    }
}

/// The call that an event is about.
pub(crate) fn call_of(event: &Event) -> Option<CallId> {
    Some(match event {
        Event::CallArrived { call, .. }
        | Event::CallAdmitted { call, .. }
        | Event::PositionAnnounced { call, .. }
        | Event::CallAssigned { call, .. }
        | Event::CallReturned { call, .. }
        | Event::CallConnected { call, .. }
        | Event::CallHeld { call, .. }
        | Event::ThirdChanged { call, .. }
        | Event::CallTransferred { call, .. }
        | Event::CallSentOutside { call, .. }
        | Event::OutsideAnswered { call, .. }
        | Event::OutsideFailed { call, .. }
        | Event::CallLeaving { call, .. }
        | Event::CallEnded { call, .. }
        | Event::FifoOvertaken { call, .. } => *call,
        _ => return None,
    })
}

impl Watch for Teller {
    fn run(&mut self, head: &Head) {
        self.words = Words::new(&head.config);
        let operators = head.config.operators.len();
        self.available.resize(operators, false);
        self.at_work.resize(operators, false);
        if !self.story.lines.is_empty() && self.story.summary.is_empty() {
            let at = head.created;
            self.say(at, "the engine starts anew".to_owned());
        }
    }

    fn handled(&mut self, at: Timestamp, input: &Input, outputs: &[Output]) {
        match input {
            Input::CallerGone { call, cause } if *call == self.call => {
                let what = match cause {
                    GoneCause::HungUp => "the caller hangs up",
                    GoneCause::Failed => "the caller's leg fails",
                };
                self.say(at, what.to_owned());
            }
            Input::Dtmf { call, digit } if *call == self.call => self.say(at, format!("presses {digit}")),
            _ => {}
        }
        for output in outputs {
            match output {
                Output::Event(event) => {
                    self.of_house(event);
                    if call_of(event) == Some(self.call) {
                        self.mine(at, event);
                    }
                }
                Output::Answer { call } if *call == self.call => self.say(at, "is answered".to_owned()),
                Output::Play {
                    call,
                    audio: Audio::Resumed,
                } if *call == self.call => self.say(at, "hears that the place was kept".to_owned()),
                _ => {}
            }
        }
    }

    fn lost(&mut self, why: &str) {
        if !self.story.lines.is_empty() && self.wait.is_some() {
            self.story.summary = format!("the story breaks off: {why}");
            self.wait = None;
        }
    }
}
