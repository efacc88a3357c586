//! A scenario: everything a virtual day is made of, as written in a TOML file.
//!
//! Owns the meaning of a scenario file and its defaults. What always holds: a key that is not known is a mistake and
//! is reported with its line, never passed over; a scenario that loads can be run.

mod file;
mod values;

pub use values::parse_duration;

use crate::dist::Distribution;
use acd::schedule::Schedule;
use acd::{AcdConfig, OperatorConfig, QueueConfig};
use jiff::civil::Date;
use std::fmt;
use std::time::Duration;

/// The built-in scenario: the hotline of the mayor's office that Holdfast was drawn from.
pub const HOTLINE_DAY: &str = include_str!("../../../../config/scenarios/hotline-day.toml");

/// The most days one run simulates: a hundred years.
pub const DAYS_MAX: u32 = 36_525;

/// A virtual world.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: String,
    /// The first day; days run from midnight to midnight in the schedule's time zone.
    pub first_day: Date,
    /// How many days in a row.
    pub days: u32,
    /// Where all randomness comes from.
    pub seed: u64,
    /// A caller answered within this time counts for the service level.
    pub target: Duration,
    /// Lines in force.
    pub lines: Schedule,
    /// When persons want to call.
    pub arrivals: Arrivals,
    /// How callers behave.
    pub callers: Callers,
    /// How operators behave.
    pub operators: Staff,
    /// The queue as the core knows it.
    pub queue: QueueConfig,
    /// What goes wrong.
    pub faults: Faults,
}

/// Persons who make their first attempt, per hour of the day: the rates of a Poisson process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    /// On days with Monday's to Friday's windows and make-up workdays.
    pub workday: [f64; 24],
    /// On weekends and holidays.
    pub day_off: [f64; 24],
}

/// How callers behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Callers {
    /// Time after which a caller who waits hangs up.
    pub patience: Distribution,
    /// Share of attempts whose caller hangs up on hearing that there is a queue.
    pub balk: f64,
    /// When those hang up.
    pub balk_after: Distribution,
    /// Time on the phone with an operator.
    pub talk: Distribution,
    /// Chance to try again after an attempt in vain.
    pub redial: f64,
    /// Time until the next attempt.
    pub redial_after: Distribution,
    /// Attempts after which a person gives up for the day.
    pub attempts_max: u32,
}

/// How operators behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Staff {
    /// How many work when; without it, one for each line in force.
    pub roster: Option<Schedule>,
    /// Share of shifts begun late.
    pub late: f64,
    /// How late those are.
    pub late_by: Distribution,
    /// Time from ringing to picking up.
    pub pick_up: Distribution,
    /// Share of rings that are not heard.
    pub ignore: f64,
    /// Share of rings that are rejected.
    pub decline: f64,
    /// Time to record the matter after a call.
    pub wrap_up: Distribution,
    /// Time at the desk between breaks (rest, and calls back to verify what was done).
    pub break_every: Distribution,
    /// How long a break is.
    pub break_for: Distribution,
    /// Time until an operator whom the queue has paused notices and is ready again.
    pub notice: Distribution,
    /// Calls in a row not answered before the core pauses the operator.
    pub no_answer_max: u32,
    /// Time a SIP message takes to a phone, and back.
    pub signalling: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Chance, at each input, that the core is lost and rebuilt from the log of inputs.
    pub crash: f64,
    /// Chance that an input is delivered twice.
    pub duplicate: f64,
    /// Chance that a phone's answer crosses our hang-up on the way and arrives after it.
    pub crossing: f64,
    /// Share of attempts whose waiting caller is cut off by the network, and redials at once.
    pub cut_off: f64,
    /// Time between losses of an operator's phone.
    pub phone_lost_every: Distribution,
    /// How long a phone is lost for.
    pub phone_lost_for: Distribution,
    /// Chance, at each input, that some operator presses a button for no reason, or puts a caller on hold.
    pub stray: f64,
    /// Time between orders of a supervisor who sets the lines by hand, to any number.
    pub supervisor_every: Distribution,
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults {
        crash: 0.0,
        duplicate: 0.0,
        crossing: 0.0,
        cut_off: 0.0,
        phone_lost_every: Distribution::Never,
        phone_lost_for: Distribution::Constant(Duration::ZERO),
        stray: 0.0,
        supervisor_every: Distribution::Never,
    };
}

/// A mistake in a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl Scenario {
    /// Reads a scenario from the text of a TOML file.
    ///
    /// # Errors
    /// All mistakes found, in the order of their lines.
    pub fn from_toml(text: &str) -> Result<Self, Vec<Mistake>> {
        file::read(text)
    }

    /// The operators' roster: lines by lines, unless it has one of its own.
    pub fn roster(&self) -> &Schedule {
        self.operators.roster.as_ref().unwrap_or(&self.lines)
    }

    /// What the core is configured with.
    pub fn acd_config(&self) -> AcdConfig {
        let operator = |n| OperatorConfig {
            name: format!("op{n}"),
            queues: Vec::new(),
            auto_ready: false,
            no_answer_max: self.operators.no_answer_max,
            ..OperatorConfig::default()
        };
        AcdConfig {
            schedule: self.lines.clone(),
            queues: vec![self.queue.clone()],
            operators: (1..=most(self.roster())).map(operator).collect(),
            pause_reasons: vec!["break".to_owned()],
            dialable: vec![false],
            forwards: Vec::new(),
            calls_max: self.queue.waiting_max.saturating_add(most(&self.lines)).max(1),
        }
    }
}

/// The most a schedule ever has in force.
pub fn most(schedule: &Schedule) -> u32 {
    schedule
        .windows
        .iter()
        .map(|w| w.lines)
        .fold(schedule.lines_otherwise, u32::max)
}

/// Replaces the largest figure of a schedule, wherever it stands, by `lines`: the busy hours change, the quiet do not.
pub fn set_most(schedule: &mut Schedule, lines: u32) {
    let before = most(schedule);
    let figures = schedule
        .windows
        .iter_mut()
        .map(|w| &mut w.lines)
        .chain([&mut schedule.lines_otherwise]);
    for figure in figures.filter(|figure| **figure == before) {
        *figure = lines;
    }
}
