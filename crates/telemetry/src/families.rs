//! The metric families, with the handles of their series at hand: an event must not look up a label by its text.

use crate::book::Stage;
use crate::{Names, TelemetryError};
use acd::{FailCause, OperatorState, Outcome, ReturnCause};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

/// Seconds. 15 is the standard's limit, 1,800 the longest wait worth telling apart.
const WAIT_BUCKETS: [f64; 18] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0,
    1200.0, 1800.0,
];

/// Seconds.
const HANDLE_BUCKETS: [f64; 16] = [
    2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0, 600.0, 1200.0, 3600.0,
];

/// Seconds between what was announced and what came, whichever was longer.
const ERROR_BUCKETS: [f64; 10] = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1800.0];

/// What a wait was told by, and what it could have been told by.
const PREDICTORS: [&str; 4] = [
    "announced",
    "queue_length",
    "last_to_enter_service",
    "head_of_line",
];

/// A stretch of an operator's work on one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Ring,
    Talk,
    Hold,
    WrapUp,
}

impl Phase {
    /// In the order of the discriminants.
    const NAMES: [&'static str; 4] = ["ring", "talk", "hold", "wrapup"];
}

/// In the order of [`PerQueue::returned`].
const RETURN_CAUSES: [&str; 8] = [
    "no_answer",
    "phone_gone",
    "operator_left",
    "busy",
    "declined",
    "phone_no_answer",
    "unreachable",
    "other",
];

/// The series of one queue.
pub(crate) struct PerQueue {
    /// By trunk.
    pub(crate) offered: Vec<IntCounter>,
    pub(crate) assigned: IntCounter,
    pub(crate) no_answer: IntCounter,
    /// Calls that one operator gave to another.
    pub(crate) transferred: IntCounter,
    pub(crate) depth: IntGauge,
    /// Call-backs that were promised, and those that have not come to their caller yet.
    pub(crate) promised: IntCounter,
    pub(crate) call_backs_waiting: IntGauge,
    call_backs: [IntCounter; Outcome::ALL.len()],
    outcomes: [IntCounter; Outcome::ALL.len()],
    waits: [Histogram; Outcome::ALL.len()],
    stages: [IntGauge; Stage::ALL.len()],
    phases: [Histogram; Phase::NAMES.len()],
    returned: [IntCounter; RETURN_CAUSES.len()],
}

impl PerQueue {
    pub(crate) fn outcome(&self, outcome: Outcome) -> &IntCounter {
        &self.outcomes[outcome as usize]
    }

    /// Call-backs that are over.
    pub(crate) fn call_back(&self, outcome: Outcome) -> &IntCounter {
        &self.call_backs[outcome as usize]
    }

    pub(crate) fn wait(&self, outcome: Outcome) -> &Histogram {
        &self.waits[outcome as usize]
    }

    pub(crate) fn stage(&self, stage: Stage) -> &IntGauge {
        &self.stages[stage as usize]
    }

    pub(crate) fn phase(&self, phase: Phase) -> &Histogram {
        &self.phases[phase as usize]
    }

    pub(crate) fn returned(&self, cause: &ReturnCause) -> &IntCounter {
        &self.returned[match cause {
            ReturnCause::NoAnswer => 0,
            ReturnCause::PhoneGone => 1,
            ReturnCause::OperatorLeft => 2,
            ReturnCause::Failed(FailCause::Busy) => 3,
            ReturnCause::Failed(FailCause::Declined) => 4,
            ReturnCause::Failed(FailCause::NoAnswer) => 5,
            ReturnCause::Failed(FailCause::Unreachable) => 6,
            ReturnCause::Failed(FailCause::Other(_)) => 7,
        }]
    }
}

/// All families.
pub(crate) struct Families {
    /// By queue.
    pub(crate) queues: Vec<PerQueue>,
    /// By state, in the order of [`OperatorState::NAMES`].
    operators: [IntGauge; OperatorState::NAMES.len()],
    pub(crate) lines_in_use: IntGauge,
    pub(crate) lines_capacity: IntGauge,
    pub(crate) draining: IntGauge,
    pub(crate) overtakes: IntCounter,
    /// In the order of [`PREDICTORS`].
    pub(crate) estimate_errors: [Histogram; PREDICTORS.len()],
}

impl Families {
    pub(crate) fn register(names: &Names, registry: &Registry) -> Result<Self, TelemetryError> {
        let on = On(registry);
        let operators = on.gauges(
            "holdfast_operators",
            "Operators by what they are doing; the states sum to all.",
            &["state"],
        )?;
        let error = "Difference between an announced wait and the wait that came.";
        let estimate_error = on.histograms(
            "holdfast_estimate_error_seconds",
            error,
            &["predictor"],
            &ERROR_BUCKETS,
        )?;
        let build = on.gauges(
            "holdfast_build_info",
            "1, labelled with the running version.",
            &["version"],
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            queues: per_queue(names, &on)?,
            operators: OperatorState::NAMES.map(|state| operators.with_label_values(&[state])),
            lines_in_use: on.gauge("holdfast_lines_in_use", "Lines held by admitted calls.")?,
            lines_capacity: on.gauge(
                "holdfast_lines_capacity",
                "Lines in force by the schedule or by hand.",
            )?,
            draining: on.gauge(
                "holdfast_draining",
                "1 while new calls are refused because the engine stops.",
            )?,
            overtakes: on.counter(
                "holdfast_fifo_overtakes_total",
                "Calls served before an older eligible one; always 0 unless something is broken.",
            )?,
            estimate_errors: PREDICTORS.map(|predictor| estimate_error.with_label_values(&[predictor])),
        })
    }

    /// The gauge of one of [`OperatorState::NAMES`].
    pub(crate) fn operators(&self, state: &str) -> &IntGauge {
        let index = OperatorState::NAMES.iter().position(|name| *name == state);
        &self.operators[index.unwrap_or_default()]
    }

    /// Every gauge of a state back to zero.
    pub(crate) fn clear_gauges(&self) {
        let per_queue = self
            .queues
            .iter()
            .flat_map(|q| q.stages.iter().chain([&q.depth, &q.call_backs_waiting]));
        let rest = [&self.lines_in_use, &self.lines_capacity, &self.draining];
        for gauge in per_queue.chain(&self.operators).chain(rest) {
            gauge.set(0);
        }
    }
}

fn per_queue(names: &Names, on: &On<'_>) -> Result<Vec<PerQueue>, TelemetryError> {
    let offered = on.counters(
        "holdfast_calls_offered_total",
        "Calls that arrived.",
        &["queue", "trunk"],
    )?;
    let ended = on.counters(
        "holdfast_calls_total",
        "Calls that are over, by outcome.",
        &["queue", "outcome"],
    )?;
    let wait_help = "Arrival to the operator's answer, or to the end of a call nobody answered.";
    let waits = on.histograms(
        "holdfast_wait_seconds",
        wait_help,
        &["queue", "outcome"],
        &WAIT_BUCKETS,
    )?;
    let phase_help = "Operators' time on a call; hold only if there was any.";
    let phases = on.histograms(
        "holdfast_handle_seconds",
        phase_help,
        &["queue", "phase"],
        &HANDLE_BUCKETS,
    )?;
    let depth_help = "Callers who have not reached an operator: for a line, for an operator, or ringing one.";
    let depth = on.gauges("holdfast_queue_depth", depth_help, &["queue"])?;
    let stages = on.gauges(
        "holdfast_calls",
        "Live calls by where they stand.",
        &["queue", "stage"],
    )?;
    let assigned_help = "Times an operator's phone was dialled for a call.";
    let assigned = on.counters("holdfast_calls_assigned_total", assigned_help, &["queue"])?;
    let returned_help = "Times a call came back from an operator's phone to where it stood.";
    let returned = on.counters(
        "holdfast_calls_returned_total",
        returned_help,
        &["queue", "cause"],
    )?;
    let no_answer_help = "Times an operator's phone rang out.";
    let no_answer = on.counters("holdfast_operator_no_answer_total", no_answer_help, &["queue"])?;
    let transferred = on.counters(
        "holdfast_calls_transferred_total",
        "Times an operator gave a call to another one.",
        &["queue"],
    )?;
    let promised = on.counters(
        "holdfast_call_backs_promised_total",
        "Callers who asked to be called back.",
        &["queue"],
    )?;
    let waiting_help = "Call-backs promised whose caller has not been dialled yet.";
    let call_backs_waiting = on.gauges("holdfast_call_backs_waiting", waiting_help, &["queue"])?;
    let call_backs_help = "Call-backs that are over: answered, failed (not reached), timed_out (its turn did not come in \
        time) or abandoned (the caller called again first).";
    let call_backs = on.counters(
        "holdfast_call_backs_total",
        call_backs_help,
        &["queue", "outcome"],
    )?;
    let series = |queue: &String| PerQueue {
        offered: names
            .trunks
            .iter()
            .map(|trunk| offered.with_label_values(&[queue, trunk]))
            .collect(),
        assigned: assigned.with_label_values(&[queue]),
        no_answer: no_answer.with_label_values(&[queue]),
        depth: depth.with_label_values(&[queue]),
        promised: promised.with_label_values(&[queue]),
        transferred: transferred.with_label_values(&[queue]),
        call_backs_waiting: call_backs_waiting.with_label_values(&[queue]),
        call_backs: Outcome::ALL
            .map(|outcome| call_backs.with_label_values(&[queue.as_str(), outcome.name()])),
        outcomes: Outcome::ALL.map(|outcome| ended.with_label_values(&[queue.as_str(), outcome.name()])),
        waits: Outcome::ALL.map(|outcome| waits.with_label_values(&[queue.as_str(), outcome.name()])),
        stages: Stage::ALL.map(|stage| stages.with_label_values(&[queue.as_str(), stage.name()])),
        phases: Phase::NAMES.map(|phase| phases.with_label_values(&[queue.as_str(), phase])),
        returned: RETURN_CAUSES.map(|cause| returned.with_label_values(&[queue.as_str(), cause])),
    };
    Ok(names.queues.iter().map(series).collect())
}

/// Makes and registers in one step.
struct On<'a>(&'a Registry);

impl On<'_> {
    fn add<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> Result<C, TelemetryError> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, TelemetryError> {
        self.add(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, TelemetryError> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, TelemetryError> {
        self.add(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, TelemetryError> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, TelemetryError> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(options, labels))
    }
}
