//! A scenario: everything a virtual day is made of, as written in a TOML file.
//!
//! Owns the meaning of a scenario file and its defaults. What always holds: a key that is not known is a mistake and
//! is reported with its line, never passed over; a scenario that loads can be run.

mod file;
mod queues;
mod values;

pub use values::parse_duration;

use crate::dist::Distribution;
use acd::schedule::Schedule;
use acd::{AcdConfig, OperatorConfig, QueueConfig, Skills};
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
    /// The queue as the core knows it; the first, if there are several.
    pub queue: QueueConfig,
    /// The other queues.
    pub more_queues: Vec<SideQueue>,
    /// Other places that calls can be forwarded to.
    pub forwards: Vec<Elsewhere>,
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

/// A queue besides the first.
#[derive(Clone, Debug, PartialEq)]
pub struct SideQueue {
    /// The queue as the core knows it.
    pub config: QueueConfig,
    /// Share of persons who call this one; the rest call the first.
    pub share: f64,
}

/// Another place, whose phone may take calls that the queue cannot hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Elsewhere {
    /// Its name, as queues speak of it.
    pub name: String,
    /// Share of calls it takes; for the others the phone rings in vain or is busy.
    pub answers: f64,
    /// Time from ringing to picking up.
    pub pick_up: Distribution,
}

/// What a share of the callers needs an operator to know.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    /// Share of persons.
    pub share: f64,
    /// The skills.
    pub skills: Skills,
    /// The key they say it with a moment after the call has begun; without one, signalling has told it.
    pub key: Option<char>,
}

/// Operators alike. Seats are filled team by team; who is in none serves every queue and knows nothing special.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// How many.
    pub count: u32,
    /// Queues served, by index; empty for all.
    pub queues: Vec<u32>,
    /// How much each of those is preferred, 0 first.
    pub levels: Vec<u8>,
    /// What they know.
    pub skills: Skills,
}

/// How callers behave.
#[derive(Clone, Debug, PartialEq)]
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
    /// Share of attempts whose caller asks to be called back when that is offered.
    pub asks_back: f64,
    /// Share of call-backs whose caller is not there, or does not hear the phone.
    pub away: f64,
    /// Time from the caller's phone ringing to picking up.
    pub picks_up: Distribution,
    /// Share of those who were promised a call-back and call again before it comes.
    pub calls_again: f64,
    /// Share of persons who withhold their number.
    pub withheld: f64,
    /// What some callers need.
    pub needs: Vec<Need>,
}

impl Callers {
    /// What callers do about call-backs, unless the scenario says: nothing of it counts in a queue that offers none.
    pub const ASKS_BACK: f64 = 0.5;
    /// As above.
    pub const AWAY: f64 = 0.2;
    /// As above.
    pub const PICKS_UP: Distribution = Distribution::Constant(Duration::from_secs(8));
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
    /// Who of them is alike.
    pub teams: Vec<Team>,
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
    /// Time between stops of the engine: no new calls, then all are hung up, then it is started again.
    pub stop_every: Distribution,
    /// How long those who talk may go on before all are hung up.
    pub stop_drains: Distribution,
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
        stop_every: Distribution::Never,
        stop_drains: Distribution::Constant(Duration::ZERO),
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

    /// All queues, by [`QueueId`](acd::QueueId).
    pub fn queues(&self) -> impl Iterator<Item = &QueueConfig> {
        std::iter::once(&self.queue).chain(self.more_queues.iter().map(|side| &side.config))
    }

    /// What the core is configured with.
    pub fn acd_config(&self) -> AcdConfig {
        let teams = self.operators.teams.iter();
        let mut seats = teams.flat_map(|team| std::iter::repeat_n(team, team.count as usize));
        let operator = |n| {
            let team = seats.next();
            OperatorConfig {
                name: format!("op{n}"),
                queues: team.map(|team| team.queues.clone()).unwrap_or_default(),
                levels: team.map(|team| team.levels.clone()).unwrap_or_default(),
                skills: team.map(|team| team.skills).unwrap_or_default(),
                auto_ready: false,
                no_answer_max: self.operators.no_answer_max,
                ..OperatorConfig::default()
            }
        };
        let operators = (1..=most(self.roster())).map(operator).collect();
        let waiting = self.queues().map(|queue| queue.waiting_max);
        let waiting_max = waiting.fold(0, u32::saturating_add);
        let mut queues: Vec<QueueConfig> = self.queues().cloned().collect();
        for queue in &mut queues {
            queue.choices = queues::choices(&self.callers.needs);
        }
        AcdConfig {
            schedule: self.lines.clone(),
            queues,
            operators,
            pause_reasons: vec!["break".to_owned()],
            dialable: vec![true],
            forwards: self.forwards.iter().map(|place| place.name.clone()).collect(),
            transfer: None,
            calls_max: waiting_max.saturating_add(most(&self.lines)).max(1),
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
