//! What a run means: the figures people in the field ask for, each with the formula behind it.
//!
//! Owns the arithmetic from records to figures. What always holds: a share whose denominator is zero is absent, never
//! 0 or 100 %; and the service level is given under every common formula side by side, since the same day gives
//! figures many points apart.

mod html;
mod levels;
mod plot;
mod text;

pub use levels::{Formula, ServiceLevel, UnknownFormula};

use crate::calendar::seconds;
use crate::record::{CallRecord, Errors, Judged, PREDICTORS, SLOTS, Usage};
use crate::scenario::Scenario;
use crate::stats::{Interval, percentile};
use crate::world::Run;
use acd::Outcome;
use serde::Serialize;

/// All figures of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The first day.
    pub first_day: String,
    /// How many days.
    pub days: u32,
    /// Calls offered: attempts, redials included.
    pub offered: u64,
    /// Persons who called at least once.
    pub persons: u64,
    /// Calls by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: Vec<OutcomeCount>,
    /// Calls answered.
    pub answered: u64,
    /// Answered / offered: the rate by attempt.
    pub connect_rate: Option<f64>,
    /// Persons answered at last, by a call or a call-back / persons: the rate by person.
    pub connect_rate_by_person: Option<f64>,
    /// The 95 % interval of a day's connect rate by attempt, when there are at least two days.
    pub connect_rate_95: Option<[f64; 2]>,
    /// Attempts a person.
    pub attempts_per_person: Option<f64>,
    /// Calls that took up the place of an earlier attempt.
    pub places_resumed: u64,
    /// Call-backs.
    pub call_backs: CallBacks,
    /// Calls that another place took.
    pub forwarded: u64,
    /// The service level's threshold, in seconds.
    pub target_s: f64,
    /// Service level under each formula.
    pub service_level: Vec<ServiceLevel>,
    /// Average speed of answer: mean wait of answered calls, in seconds.
    pub asa_s: Option<f64>,
    /// Wait of answered calls.
    pub wait_answered: Waits,
    /// Wait of those who hung up.
    pub wait_abandoned: Waits,
    /// (Abandoned + short-abandoned) / offered.
    pub abandonment: Option<f64>,
    /// Abandoned / offered, the short ones apart.
    pub abandonment_without_short: Option<f64>,
    /// Mean conversation, in seconds.
    pub talk_s: Option<f64>,
    /// Mean wrap-up after a call, in seconds.
    pub wrap_up_s: Option<f64>,
    /// Mean handle time: ring, talk and wrap-up for each call answered and call-back reached, in seconds.
    pub aht_s: Option<f64>,
    /// Ring, talk and wrap-up as a share of the time operators were ready or at it.
    pub occupancy: Option<f64>,
    /// Pauses and breaks as a share of the time operators were signed on.
    pub paused: Option<f64>,
    /// Line time in use / line time in force. Above 1 only while capacity fell.
    pub lines_used: Option<f64>,
    /// Most calls waiting at any moment.
    pub waiting_max: u32,
    /// The waits that callers were told.
    pub announced: Announced,
    /// By hour of the day.
    pub hours: Vec<Hour>,
    /// By quarter of an hour, for plots.
    pub quarters: Vec<Quarter>,
    /// What was run and checked.
    pub proof: Proof,
}

/// How many calls ended in one way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeCount {
    /// The outcome's name.
    pub outcome: &'static str,
    /// Calls.
    pub calls: u64,
}

/// What became of the call-backs that were promised. Each is a caller's who has no longer to wait on the line; it is no
/// call offered, nor does it count in rates by attempt, waits and service levels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CallBacks {
    /// Promised.
    pub promised: u64,
    /// The caller was connected.
    pub reached: u64,
    /// The caller's phone was dialled in vain.
    pub not_reached: u64,
    /// The caller called again before, and took the place up.
    pub called_again: u64,
    /// Its turn did not come in time.
    pub lapsed: u64,
    /// From the promise to the connection, of those reached.
    pub wait: Waits,
}

impl CallBacks {
    fn new(run: &Run) -> Self {
        let ended = |outcome| {
            let all = run.call_backs.iter();
            all.filter(|call_back| call_back.outcome == outcome).count() as u64
        };
        let reached = run
            .call_backs
            .iter()
            .filter(|call_back| call_back.outcome == Outcome::Answered);
        Self {
            promised: run.call_backs.len() as u64,
            reached: ended(Outcome::Answered),
            not_reached: ended(Outcome::Failed),
            called_again: ended(Outcome::Abandoned),
            lapsed: ended(Outcome::TimedOut),
            wait: Waits::from_seconds(reached.map(|call_back| seconds(call_back.waited)).collect()),
        }
    }
}

/// How the announced waits came true. Only callers who were connected can be judged: who gave up had perhaps been told
/// too long a wait, and nobody will know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Announced {
    /// Announcements that told a wait and were judged.
    pub told: u64,
    /// Share whose caller waited no longer than told.
    pub kept: Option<f64>,
    /// The share the queue aims at.
    pub aimed: f64,
    /// The three predictors behind them.
    pub predictors: Vec<PredictorError>,
}

/// How wrong one predictor was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictorError {
    /// Its name.
    pub predictor: &'static str,
    /// Predictions judged.
    pub judged: u64,
    /// Mean of prediction − wait, in seconds: below zero if it promised too much.
    pub bias_s: Option<f64>,
    /// Mean magnitude of the error, in seconds.
    pub error_s: Option<f64>,
}

/// Percentiles of waits, in seconds; absent if nobody waited in this way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "fields named after what they are")]
pub struct Waits {
    pub calls: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p80: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// One hour of the day, over all days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hour {
    /// 0–23.
    pub hour: u8,
    /// Calls offered, a day.
    pub offered: f64,
    /// First attempts, a day.
    pub first_attempts: f64,
    /// Calls answered, a day.
    pub answered: f64,
    /// Calls hung up on while waiting, a day.
    pub abandoned: f64,
    /// Answered / offered.
    pub connect_rate: Option<f64>,
    /// Answered within the target / offered.
    pub within_target: Option<f64>,
    /// Mean wait of answered calls, in seconds.
    pub asa_s: Option<f64>,
    /// Wait that nine of ten answered callers did not exceed, in seconds.
    pub wait_p90_s: Option<f64>,
    /// Share of announced waits that came true, of callers connected in this hour.
    pub announced_kept: Option<f64>,
    /// Mean lines in use.
    pub lines_in_use: f64,
    /// Mean operators signed on.
    pub operators: f64,
    /// As for the day.
    pub occupancy: Option<f64>,
    /// Most calls waiting at any moment.
    pub waiting_max: u32,
}

/// One quarter of an hour of the day, averaged over all days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quarter {
    /// Minute of the day it begins at.
    pub minute: u32,
    /// Lines in force.
    pub lines: f64,
    /// Lines in use.
    pub lines_in_use: f64,
    /// Calls waiting.
    pub waiting: f64,
    /// Operators ringing, talking or in wrap-up.
    pub busy: f64,
    /// Operators signed on.
    pub signed_on: f64,
}

/// What was run and checked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proof {
    /// Inputs given to the core.
    pub inputs: u64,
    /// Checks made by the oracle, all of which held.
    pub checks: u64,
    /// Crashes the core came back from.
    pub crashes: u64,
    /// Digest of the run, in hexadecimal: equal runs have equal digests.
    pub digest: String,
}

impl Report {
    /// Works out the figures of a run.
    pub fn new(scenario: &Scenario, run: &Run) -> Self {
        let calls = &run.calls;
        let mut usage = Usage::default();
        run.slots.iter().for_each(|slot| usage.add(slot));
        let offered = calls.len() as f64;
        let persons = count(calls, |call| call.attempt == 1);
        let answered = count(calls, is_answered);
        let call_backs = CallBacks::new(run);
        let served = answered + call_backs.reached as f64;
        let talked_back = run.call_backs.iter().map(|call_back| seconds(call_back.talked));
        let lost = count(calls, is_lost);
        let short = count(calls, |call| call.outcome == Outcome::ShortAbandoned);
        let wait_answered = Waits::of(calls, is_answered);
        let talk = calls
            .iter()
            .filter(|c| is_answered(c))
            .map(|c| seconds(c.talked))
            .chain(talked_back)
            .sum();
        let [_, paused, available, reserved, talking, wrap_up] = usage.operators;
        Self {
            scenario: scenario.name.clone(),
            seed: scenario.seed,
            first_day: scenario.first_day.to_string(),
            days: run.days,
            offered: calls.len() as u64,
            persons: persons as u64,
            outcomes: outcomes(calls),
            answered: answered as u64,
            connect_rate: share(answered, offered),
            connect_rate_by_person: share(served, persons),
            connect_rate_95: connect_rate_95(run),
            attempts_per_person: share(offered, persons),
            places_resumed: count(calls, |call| call.resumed) as u64,
            call_backs,
            forwarded: count(calls, |call| call.forwarded) as u64,
            target_s: seconds(scenario.target),
            service_level: levels::of(calls, scenario.target),
            asa_s: wait_answered.mean,
            wait_answered,
            wait_abandoned: Waits::of(calls, is_lost),
            abandonment: share(lost, offered),
            abandonment_without_short: share(lost - short, offered),
            talk_s: share(talk, served),
            wrap_up_s: share(wrap_up, served),
            aht_s: share(reserved + talking + wrap_up, served),
            occupancy: share(
                reserved + talking + wrap_up,
                available + reserved + talking + wrap_up,
            ),
            paused: share(paused, paused + available + reserved + talking + wrap_up),
            lines_used: share(usage.lines_in_use, usage.lines),
            waiting_max: usage.waiting_max,
            announced: announced(scenario, run),
            hours: (0..24).map(|hour| hour_of(scenario, run, hour)).collect(),
            quarters: quarters(run),
            proof: Proof {
                inputs: run.inputs,
                checks: run.checks,
                crashes: run.crashes,
                digest: format!("{:016x}", run.digest),
            },
        }
    }

    /// The service level by one formula.
    pub fn level(&self, formula: Formula) -> Option<f64> {
        self.service_level
            .iter()
            .find(|level| level.formula == formula)
            .and_then(|level| level.value)
    }

    /// As JSON, for programs.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// As a table, for a terminal.
    pub fn to_text(&self) -> String {
        text::report(self)
    }
}

/// As one HTML page that needs nothing else: the first report in full, the others beside it.
pub fn to_html(title: &str, reports: &[(String, Report)]) -> String {
    html::page(title, reports)
}

/// Variants side by side as a table, for a terminal.
pub fn side_by_side(reports: &[(String, Report)]) -> String {
    text::side_by_side(reports)
}

impl Waits {
    fn of(calls: &[CallRecord], which: impl Fn(&CallRecord) -> bool) -> Self {
        let those = calls.iter().filter(|call| which(call));
        Self::from_seconds(those.map(|call| seconds(call.waited)).collect())
    }

    fn from_seconds(mut waits: Vec<f64>) -> Self {
        waits.sort_by(f64::total_cmp);
        let at = |share| percentile(&waits, share);
        Self {
            calls: waits.len() as u64,
            mean: share(waits.iter().sum(), waits.len() as f64),
            p50: at(0.5),
            p80: at(0.8),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            max: at(1.0),
        }
    }
}

fn is_answered(call: &CallRecord) -> bool {
    call.outcome == Outcome::Answered
}

fn is_lost(call: &CallRecord) -> bool {
    matches!(call.outcome, Outcome::Abandoned | Outcome::ShortAbandoned)
}

fn count(calls: &[CallRecord], which: impl Fn(&CallRecord) -> bool) -> f64 {
    calls.iter().filter(|call| which(call)).count() as f64
}

/// A ratio; absent if there is nothing to divide by.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn outcomes(calls: &[CallRecord]) -> Vec<OutcomeCount> {
    let of = |outcome: Outcome| OutcomeCount {
        outcome: outcome.name(),
        calls: count(calls, |call| call.outcome == outcome) as u64,
    };
    Outcome::ALL.into_iter().map(of).collect()
}

fn connect_rate_95(run: &Run) -> Option<[f64; 2]> {
    let mut days = vec![(0.0, 0.0); run.days as usize];
    for call in &run.calls {
        if let Some((answered, offered)) = days.get_mut(call.day as usize) {
            *answered += f64::from(u8::from(is_answered(call)));
            *offered += 1.0;
        }
    }
    let rates: Vec<f64> = days
        .into_iter()
        .filter_map(|(answered, offered)| share(answered, offered))
        .collect();
    (rates.len() >= 2).then(|| {
        let Interval { mean, half_width } = Interval::of(&rates, 0.95);
        [mean - half_width, mean + half_width]
    })
}

fn announced(scenario: &Scenario, run: &Run) -> Announced {
    let mut judged = Judged::default();
    run.judged.iter().for_each(|hour| judged.add(hour));
    let predictor = |(predictor, errors): (&'static str, Errors)| PredictorError {
        predictor,
        judged: errors.count,
        bias_s: share(errors.sum_s, errors.count as f64),
        error_s: share(errors.magnitude_s, errors.count as f64),
    };
    Announced {
        told: judged.told,
        kept: share(judged.kept as f64, judged.told as f64),
        aimed: f64::from(scenario.queue.wait_quantile) / 100.0,
        predictors: PREDICTORS.into_iter().zip(judged.errors).map(predictor).collect(),
    }
}

fn hour_of(scenario: &Scenario, run: &Run, hour: u8) -> Hour {
    let calls: Vec<CallRecord> = run
        .calls
        .iter()
        .filter(|call| call.hour == hour)
        .copied()
        .collect();
    let mut usage = Usage::default();
    let slots_per_hour = SLOTS / 24;
    run.slots
        .iter()
        .skip(usize::from(hour) * slots_per_hour)
        .take(slots_per_hour)
        .for_each(|slot| usage.add(slot));
    let days = f64::from(run.days);
    let answered = count(&calls, is_answered);
    let waits = Waits::of(&calls, is_answered);
    let judged = run.judged.get(usize::from(hour)).copied().unwrap_or_default();
    let [_, paused, available, reserved, talking, wrap_up] = usage.operators;
    let busy = reserved + talking + wrap_up;
    Hour {
        hour,
        offered: calls.len() as f64 / days,
        first_attempts: count(&calls, |call| call.attempt == 1) / days,
        answered: answered / days,
        abandoned: count(&calls, is_lost) / days,
        connect_rate: share(answered, calls.len() as f64),
        within_target: Formula::OfOffered.value(&calls, scenario.target),
        asa_s: waits.mean,
        wait_p90_s: waits.p90,
        announced_kept: share(judged.kept as f64, judged.told as f64),
        lines_in_use: share(usage.lines_in_use, usage.seconds).unwrap_or(0.0),
        operators: share(paused + available + busy, usage.seconds).unwrap_or(0.0),
        occupancy: share(busy, available + busy),
        waiting_max: usage.waiting_max,
    }
}

fn quarters(run: &Run) -> Vec<Quarter> {
    let quarter = |(index, usage): (usize, &Usage)| {
        let mean = |sum: f64| share(sum, usage.seconds).unwrap_or(0.0);
        let [_, paused, available, reserved, talking, wrap_up] = usage.operators;
        Quarter {
            minute: (index * 1_440 / SLOTS) as u32,
            lines: mean(usage.lines),
            lines_in_use: mean(usage.lines_in_use),
            waiting: mean(usage.waiting),
            busy: mean(reserved + talking + wrap_up),
            signed_on: mean(paused + available + reserved + talking + wrap_up),
        }
    };
    run.slots.iter().enumerate().map(quarter).collect()
}
