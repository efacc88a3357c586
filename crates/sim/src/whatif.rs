//! What if: the same days with something changed, and the search for how much is enough.
//!
//! Owns variants of a scenario. All variants meet the same persons at the same moments with the same patience (see
//! [`crate::rng`]), so that a difference between two is the difference that was made.

use crate::calendar::Calendar;
use crate::report::{Formula, Report};
use crate::scenario::{Scenario, most, parse_duration, set_most};
use crate::world::{SimError, run};
use acd::Overflow;
use serde::Serialize;
use std::str::FromStr;
use std::time::Duration;

/// One thing to change, and the values to try.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Lines in the busy hours. Operators follow, one a line, unless the scenario has a roster.
    Lines(Vec<u32>),
    /// Operators in the busy hours.
    Operators(Vec<u32>),
    /// Mean of talk and wrap-up together; both change in proportion.
    HandleTime(Vec<Duration>),
    /// Whether a dropped caller's place is kept for a redial (for three minutes if the scenario does not say).
    KeepPlace(Vec<bool>),
    /// Whether waiting callers may ask to be called back (in the usual way if the scenario does not say how).
    CallBacks(Vec<bool>),
}

/// Variants of one run; more are not readable side by side.
pub const VARIANTS_MAX: usize = 12;

/// Why a what-if cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// No `=`, or nothing after it.
    #[error("{0:?} is not a what-if; write one such as lines=16,18,20")]
    Form(String),
    /// Nothing of that name can be changed.
    #[error("cannot change {0:?}; use lines, operators, handle-time, keep-place or call-backs")]
    Name(String),
    /// A value does not fit.
    #[error("{value:?} is not a value for {name}; write {example}")]
    #[expect(missing_docs, reason = "fields are the parts of the message")]
    Value {
        name: &'static str,
        value: String,
        example: &'static str,
    },
    /// Too many combinations.
    #[error("{0} variants are too many to compare; try {VARIANTS_MAX} at most")]
    TooMany(usize),
}

impl FromStr for Axis {
    type Err = WhatIfError;

    fn from_str(text: &str) -> Result<Self, WhatIfError> {
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| WhatIfError::Form(text.to_owned()))?;
        let values: Vec<&str> = values.split(',').map(str::trim).collect();
        match name.trim() {
            "lines" => each(&values, "lines", "a number of 1 or more, such as 16", count).map(Self::Lines),
            "operators" => {
                each(&values, "operators", "a number of 1 or more, such as 16", count).map(Self::Operators)
            }
            "handle-time" => {
                each(&values, "handle-time", "a duration such as 12m", positive).map(Self::HandleTime)
            }
            "keep-place" => each(&values, "keep-place", "on or off", on_off).map(Self::KeepPlace),
            "call-backs" => each(&values, "call-backs", "on or off", on_off).map(Self::CallBacks),
            other => Err(WhatIfError::Name(other.to_owned())),
        }
    }
}

fn each<T>(
    values: &[&str],
    name: &'static str,
    example: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Vec<T>, WhatIfError> {
    let value = |text: &&str| {
        parse(text).ok_or_else(|| WhatIfError::Value {
            name,
            value: (*text).to_owned(),
            example,
        })
    };
    values.iter().map(value).collect()
}

fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|n| (1..=COUNT_MAX).contains(n))
}

/// Lines or operators beyond which a simulation would only be slow.
const COUNT_MAX: u32 = 10_000;

fn positive(text: &str) -> Option<Duration> {
    parse_duration(text).filter(|duration| !duration.is_zero())
}

fn on_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// The scenario as it is, and each combination of the changes, by name.
///
/// # Errors
/// If there are more than [`VARIANTS_MAX`].
pub fn variants(scenario: &Scenario, axes: &[Axis]) -> Result<Vec<(String, Scenario)>, WhatIfError> {
    let mut changed = vec![(String::new(), scenario.clone())];
    for axis in axes {
        let combine = |(name, scenario): &(String, Scenario)| {
            let join = if name.is_empty() { "" } else { ", " };
            let with = |(more, scenario)| (format!("{name}{join}{more}"), scenario);
            axis.apply(scenario).into_iter().map(with).collect::<Vec<_>>()
        };
        changed = changed.iter().flat_map(combine).collect();
        if changed.len() > VARIANTS_MAX {
            return Err(WhatIfError::TooMany(changed.len()));
        }
    }
    let mut all = vec![("as it is".to_owned(), scenario.clone())];
    all.extend(changed.into_iter().filter(|(name, _)| !name.is_empty()));
    Ok(all)
}

impl Axis {
    fn apply(&self, scenario: &Scenario) -> Vec<(String, Scenario)> {
        let change = |name: String, change: &dyn Fn(&mut Scenario)| {
            let mut changed = scenario.clone();
            change(&mut changed);
            (name, changed)
        };
        match self {
            Self::Lines(values) => values
                .iter()
                .map(|lines| change(format!("{lines} lines"), &|s| set_most(&mut s.lines, *lines)))
                .collect(),
            Self::Operators(values) => values
                .iter()
                .map(|count| change(format!("{count} operators"), &|s| set_operators(s, *count)))
                .collect(),
            Self::HandleTime(values) => values
                .iter()
                .map(|time| {
                    change(format!("handle time {} s", time.as_secs()), &|s| {
                        set_handle_time(s, *time)
                    })
                })
                .collect(),
            Self::KeepPlace(values) => values
                .iter()
                .map(|on| change(format!("keep place {}", word(*on)), &|s| keep_place(s, *on)))
                .collect(),
            Self::CallBacks(values) => values
                .iter()
                .map(|on| change(format!("call-backs {}", word(*on)), &|s| call_backs(s, *on)))
                .collect(),
        }
    }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn set_operators(scenario: &mut Scenario, count: u32) {
    let mut roster = scenario.roster().clone();
    set_most(&mut roster, count);
    scenario.operators.roster = Some(roster);
}

fn set_handle_time(scenario: &mut Scenario, time: Duration) {
    let (talk, wrap_up) = (&mut scenario.callers.talk, &mut scenario.operators.wrap_up);
    let (talk_mean, wrap_up_mean) = (
        talk.mean().unwrap_or_default(),
        wrap_up.mean().unwrap_or_default(),
    );
    let before = talk_mean + wrap_up_mean;
    if before.is_zero() {
        *talk = talk.with_mean(time);
    } else {
        let factor = time.as_secs_f64() / before.as_secs_f64();
        *talk = talk.with_mean(talk_mean.mul_f64(factor));
        *wrap_up = wrap_up.with_mean(wrap_up_mean.mul_f64(factor));
        // An operator who is done later also has the time for it.
        scenario.queue.wrap_up = scenario.queue.wrap_up.mul_f64(factor);
    }
}

fn keep_place(scenario: &mut Scenario, on: bool) {
    const GRACE: Duration = Duration::from_secs(180);
    let grace = &mut scenario.queue.place_grace;
    *grace = match (on, grace.is_zero()) {
        (false, _) => Duration::ZERO,
        (true, true) => GRACE,
        (true, false) => *grace,
    };
}

fn call_backs(scenario: &mut Scenario, on: bool) {
    let side = scenario.more_queues.iter_mut().map(|side| &mut side.config);
    for queue in std::iter::once(&mut scenario.queue).chain(side) {
        queue.call_back = on.then(|| queue.call_back.unwrap_or_default());
        let actions = [
            &mut queue.on_saturated,
            &mut queue.on_closed,
            &mut queue.on_timed_out,
        ];
        for action in actions
            .into_iter()
            .filter(|action| !on && **action == Overflow::OfferCallBack)
        {
            *action = Overflow::Farewell;
        }
    }
}

/// The answer to "how many lines?".
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Search {
    /// The service level asked for, 0–1.
    pub goal: f64,
    /// The formula it is measured by.
    pub formula: Formula,
    /// Least number of lines in the busy hours that reaches the goal, if any does.
    pub lines: Option<u32>,
    /// What was tried, fewest lines first.
    pub tried: Vec<Tried>,
}

/// One number of lines that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Lines in the busy hours.
    pub lines: u32,
    /// The service level of the calls that arrived in the busy hours: those the number of lines is about.
    pub level: Option<f64>,
    /// The whole run.
    pub report: Report,
}

/// The most lines the search tries: more than that, and lines are not what is missing.
pub const SEARCH_MAX: u32 = 512;

/// Searches the least number of lines (and operators, if they follow) in the busy hours whose service level, of the
/// calls that arrive in those hours, reaches `goal`.
///
/// By doubling, then halving the interval. That assumes more lines do not make it worse, which common random numbers
/// make very nearly so; the answer's neighbour below is always among those tried. `on_try` is told each number.
///
/// # Errors
/// As [`run`].
pub fn least_lines(
    scenario: &Scenario,
    formula: Formula,
    goal: f64,
    on_try: &mut dyn FnMut(u32),
) -> Result<Search, SimError> {
    let mut tried: Vec<Tried> = Vec::new();
    let mut reaches = |lines: u32| -> Result<bool, SimError> {
        on_try(lines);
        let next = try_lines(scenario, formula, lines)?;
        let enough = next.level.is_some_and(|level| level >= goal);
        tried.push(next);
        Ok(enough)
    };
    let mut low = 0;
    let mut high = most(&scenario.lines).clamp(1, SEARCH_MAX);
    let mut found = reaches(high)?;
    while !found && high < SEARCH_MAX {
        low = high;
        high = (high * 2).min(SEARCH_MAX);
        found = reaches(high)?;
    }
    while found && high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle)? {
            high = middle
        } else {
            low = middle
        }
    }
    tried.sort_by_key(|tried| tried.lines);
    Ok(Search {
        goal,
        formula,
        lines: found.then_some(high),
        tried,
    })
}

fn try_lines(scenario: &Scenario, formula: Formula, lines: u32) -> Result<Tried, SimError> {
    let mut calendar = Calendar::new(&scenario.lines)?;
    let busy = most(&scenario.lines);
    let mut changed = scenario.clone();
    set_most(&mut changed.lines, lines);
    let run = run(&changed, &mut |_| {})?;
    let in_busy_hours = run
        .calls
        .iter()
        .filter(|call| calendar.lines_at(call.arrived) == busy);
    let level = formula.value(&in_busy_hours.copied().collect::<Vec<_>>(), changed.target);
    Ok(Tried {
        lines,
        level,
        report: Report::new(&changed, &run),
    })
}
