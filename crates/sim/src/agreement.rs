//! Against theory: the simulated queue beside the Erlang formulas, with confidence intervals.
//!
//! Owns the settings in which the two must agree, and the scenario each is run as: Poisson arrivals, exponential
//! service, operators who answer at once and never rest, more lines than anybody needs. What is compared comes out
//! of the very core and world that any other scenario runs on.

use crate::calendar::seconds;
use crate::dist::Distribution;
use crate::record::CallRecord;
use crate::scenario::{Arrivals, Callers, Faults, Scenario, Staff};
use crate::stats::Interval;
use crate::theory::{Impatient, Waiting};
use crate::world::{SimError, run};
use acd::schedule::Schedule;
use acd::{AnswerWhen, Outcome, QueueConfig, Strategy};
use std::fmt::Write;
use std::time::Duration;

/// One queue of which theory knows the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting {
    /// Arrival rate × mean service time, in erlangs.
    pub load: f64,
    /// Operators.
    pub operators: u32,
    /// Mean patience in mean service times; without it, nobody hangs up (Erlang C).
    pub patience: Option<f64>,
}

const fn patient(load: f64, operators: u32) -> Setting {
    Setting {
        load,
        operators,
        patience: None,
    }
}

const fn impatient(load: f64, operators: u32, patience: f64) -> Setting {
    Setting {
        load,
        operators,
        patience: Some(patience),
    }
}

/// Settings from a single operator to a large centre, from idle to hopelessly overloaded.
pub const SETTINGS: [Setting; 16] = [
    patient(0.5, 1),
    patient(0.8, 1),
    patient(1.4, 2),
    patient(2.4, 4),
    patient(4.0, 5),
    patient(8.0, 10),
    patient(10.2, 12),
    patient(27.0, 30),
    impatient(0.9, 1, 1.0),
    impatient(3.6, 4, 0.5),
    impatient(8.0, 8, 2.0),
    impatient(12.0, 12, 0.25),
    impatient(15.0, 12, 0.5),
    impatient(24.0, 12, 0.2),
    impatient(48.0, 50, 2.0),
    impatient(60.0, 50, 1.0),
];

/// How much is simulated, and how sure the intervals are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Independent replications, each a day from an empty queue.
    pub replications: u32,
    /// Calls offered in each.
    pub calls: u32,
    /// Share of a day at its begin that is not counted, since the queue starts empty.
    pub warm_up: f64,
    /// Confidence that *all* intervals of the table together cover the truth (Bonferroni).
    pub confidence: f64,
    /// The first replication's seed.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            replications: 16,
            calls: 5_000,
            warm_up: 0.1,
            confidence: 0.95,
            seed: 1,
        }
    }
}

/// One figure from both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// What it is.
    pub name: &'static str,
    /// What theory says.
    pub theory: f64,
    /// What the simulation says.
    pub simulated: Interval,
}

/// What each replication measures: the share that waits, the share that hangs up, and the mean wait in mean service
/// times.
type Sample = [f64; 3];

/// Figures in the whole table, for the confidence of each: two for a patient setting, three for an impatient one.
fn figures() -> f64 {
    SETTINGS
        .iter()
        .map(|setting| if setting.patience.is_some() { 3.0 } else { 2.0 })
        .sum()
}

/// Simulates one setting and sets the result beside theory.
///
/// # Errors
/// As [`run`]: the core broke a rule.
pub fn compare(setting: &Setting, effort: &Effort) -> Result<Vec<Measure>, SimError> {
    let service = Duration::from_secs_f64(setting.load * 86_400.0 / f64::from(effort.calls));
    let mut samples: Vec<Sample> = Vec::new();
    for replication in 0..effort.replications {
        let seed = effort.seed + u64::from(replication);
        let scenario = scenario(setting, effort, service, seed);
        let run = run(&scenario, &mut |_| {})?;
        let counted = run.begin + Duration::from_secs_f64(effort.warm_up * 86_400.0);
        let calls: Vec<&CallRecord> = run.calls.iter().filter(|call| call.arrived >= counted).collect();
        samples.push(sample(&calls, service));
    }
    let confidence = 1.0 - (1.0 - effort.confidence) / figures();
    let interval = |index: usize| {
        let column: Vec<f64> = samples
            .iter()
            .filter_map(|sample| sample.get(index).copied())
            .collect();
        Interval::of(&column, confidence)
    };
    let measure = |name, theory, index| Measure {
        name,
        theory,
        simulated: interval(index),
    };
    Ok(match setting.patience {
        Some(patience) => {
            let theory = Impatient::new(setting.load, setting.operators, patience);
            vec![
                measure("P(wait)", theory.wait_probability, 0),
                measure("P(abandon)", theory.abandon_probability, 1),
                measure("mean wait", theory.mean_wait, 2),
            ]
        }
        None => {
            let theory = Waiting::new(setting.load, setting.operators);
            let (probability, wait) =
                theory.map_or((1.0, f64::INFINITY), |w| (w.wait_probability, w.mean_wait));
            vec![measure("P(wait)", probability, 0), measure("mean wait", wait, 2)]
        }
    })
}

fn sample(calls: &[&CallRecord], service: Duration) -> Sample {
    let n = calls.len().max(1) as f64;
    let lost = |call: &&&CallRecord| matches!(call.outcome, Outcome::Abandoned | Outcome::ShortAbandoned);
    let waited = calls.iter().filter(|call| !call.waited.is_zero()).count() as f64;
    let wait: f64 = calls.iter().map(|call| seconds(call.waited)).sum();
    [
        waited / n,
        calls.iter().filter(lost).count() as f64 / n,
        wait / n / seconds(service),
    ]
}

/// The whole table as text, and whether every interval covers its figure.
///
/// # Errors
/// As [`compare`].
pub fn table(effort: &Effort, on_setting: &mut dyn FnMut(usize)) -> Result<(String, bool), SimError> {
    let mut out = String::from("   load  operators  patience   figure          theory   simulated\n");
    let mut agrees = true;
    for (index, setting) in SETTINGS.iter().enumerate() {
        on_setting(index);
        for measure in compare(setting, effort)? {
            let Measure {
                name,
                theory,
                simulated,
            } = measure;
            let covered = simulated.covers(theory);
            agrees &= covered;
            let patience = setting
                .patience
                .map_or("∞".to_owned(), |patience| patience.to_string());
            // Writing to a string cannot fail.
            let _ = writeln!(
                out,
                "{:>7}  {:>9}  {patience:>8}   {name:<12}  {theory:>8.4}   {:.4} ± {:.4}{}",
                setting.load,
                setting.operators,
                simulated.mean,
                simulated.half_width,
                if covered { "" } else { "   NOT COVERED" }
            );
        }
    }
    let _ = writeln!(
        out,
        "Waits in mean service times; {} replications of {} calls; intervals of {} % for all figures together.",
        effort.replications,
        effort.calls,
        100.0 * effort.confidence
    );
    Ok((out, agrees))
}

/// The scenario in which theory's assumptions hold.
fn scenario(setting: &Setting, effort: &Effort, service: Duration, seed: u64) -> Scenario {
    let always = |lines| Schedule {
        time_zone: "UTC".to_owned(),
        lines_otherwise: lines,
        windows: Vec::new(),
        holidays: Vec::new(),
        workdays: Vec::new(),
    };
    let at_once = Distribution::Constant(Duration::ZERO);
    let patience = setting
        .patience
        .map_or(Distribution::Never, |patience| Distribution::Exponential {
            mean: service.mul_f64(patience),
        });
    let hourly = [f64::from(effort.calls) / 24.0; 24];
    Scenario {
        name: format!("{setting:?}"),
        first_day: jiff::civil::date(2026, 1, 5),
        days: 1,
        seed,
        target: Duration::from_secs(15),
        lines: always(effort.calls.saturating_mul(2)),
        arrivals: Arrivals {
            workday: hourly,
            day_off: hourly,
        },
        callers: Callers {
            patience,
            balk: 0.0,
            balk_after: at_once,
            talk: Distribution::Exponential { mean: service },
            redial: 0.0,
            redial_after: at_once,
            attempts_max: 1,
            asks_back: 0.0,
            away: 0.0,
            picks_up: at_once,
            calls_again: 0.0,
            withheld: 0.0,
            needs: Vec::new(),
        },
        operators: Staff {
            roster: Some(always(setting.operators)),
            late: 0.0,
            late_by: at_once,
            pick_up: at_once,
            ignore: 0.0,
            decline: 0.0,
            wrap_up: at_once,
            break_every: Distribution::Never,
            break_for: at_once,
            notice: at_once,
            no_answer_max: 0,
            signalling: Duration::ZERO,
            teams: Vec::new(),
        },
        queue: QueueConfig {
            name: "theory".to_owned(),
            answer: AnswerWhen::Arrival,
            waiting_max: u32::MAX,
            wait_max: Duration::from_secs(365 * 86_400),
            short_abandon: Duration::ZERO,
            ring_timeout: Duration::from_secs(60),
            place_grace: Duration::ZERO,
            announce_every: Duration::ZERO,
            wrap_up: Duration::ZERO,
            wrap_up_extension: Duration::ZERO,
            strategy: Strategy::LongestIdle,
            greeting: false,
            ..QueueConfig::default()
        },
        more_queues: Vec::new(),
        forwards: Vec::new(),
        faults: Faults::NONE,
    }
}
