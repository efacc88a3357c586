//! The loop's and the journal's metrics.

use crate::inbox::Refused;
use journal::Room;
use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use std::time::{Duration, SystemTime};

/// All metrics of this crate.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) inputs: IntCounter,
    pub(crate) turn_seconds: Histogram,
    pub(crate) last_turn: Gauge,
    pub(crate) inbox_depth: IntGauge,
    refused: IntCounterVec,
    pub(crate) stuck_legs: IntGauge,
    pub(crate) repairs: IntCounter,
    pub(crate) journal_appends: IntCounter,
    pub(crate) journal_bytes: IntCounter,
    pub(crate) journal_fsync_seconds: Histogram,
    pub(crate) journal_failing: IntGauge,
    pub(crate) journal_missing: IntGauge,
    pub(crate) journal_checkpoints: IntCounter,
    pub(crate) journal_checkpoint_failing: IntGauge,
    journal_used: IntGauge,
    journal_free: IntGauge,
    journal_room_short: IntGauge,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let histogram = |name: &str, help: &str| {
            // From a tenth of a millisecond, where a good disk is, to a second, where a bad one hurts.
            let buckets = vec![0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok::<_, prometheus::Error>(histogram)
        };
        let last_turn = Gauge::new(
            "holdfast_engine_last_turn_timestamp_seconds",
            "When the loop last turned, in wall clock time; it turns at least once a second",
        )?;
        registry.register(Box::new(last_turn.clone()))?;
        let refused = IntCounterVec::new(
            Opts::new(
                "holdfast_engine_refused_total",
                "What was refused because the engine could not keep up: calls (answered 503), requests of \
                 consoles, details (keys pressed, holds, silences)",
            ),
            &["what"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        // There from the beginning: what has never happened reads 0.
        for what in [Refused::Call, Refused::Request, Refused::Detail] {
            refused.with_label_values(&[what.name()]);
        }
        Ok(Self {
            inputs: counter("holdfast_engine_inputs_total", "Inputs handled by the queue core")?,
            turn_seconds: histogram(
                "holdfast_engine_turn_seconds",
                "From taking a batch of inputs to having carried out what follows, the journal's write included",
            )?,
            last_turn,
            inbox_depth: gauge(
                "holdfast_engine_inbox_depth",
                "What waited for the loop at its last turn",
            )?,
            refused,
            stuck_legs: gauge(
                "holdfast_engine_stuck_legs",
                "Legs that the queue believes in and signalling has not, or the other way, at two looks in a row",
            )?,
            repairs: counter(
                "holdfast_engine_stuck_legs_repaired_total",
                "Stuck legs that were put right",
            )?,
            journal_appends: counter("holdfast_journal_appends_total", "Inputs appended to the journal")?,
            journal_bytes: counter("holdfast_journal_bytes_total", "Bytes written to the journal")?,
            journal_fsync_seconds: histogram(
                "holdfast_journal_fsync_seconds",
                "How long making the journal durable took",
            )?,
            journal_failing: gauge(
                "holdfast_journal_failing",
                "1 while the journal cannot be written; the queue goes on in memory",
            )?,
            journal_missing: gauge(
                "holdfast_journal_missing",
                "Inputs of this run that are missing from the journal because the disk took nothing for too long",
            )?,
            journal_checkpoints: counter(
                "holdfast_journal_checkpoints_total",
                "Times the queue's whole state was written beside the journal",
            )?,
            journal_checkpoint_failing: gauge(
                "holdfast_journal_checkpoint_failing",
                "1 while the last checkpoint could not be written; a start replays more for it",
            )?,
            journal_used: gauge(
                "holdfast_journal_used_bytes",
                "Bytes of all segments of the journal",
            )?,
            journal_free: gauge(
                "holdfast_journal_free_bytes",
                "Bytes free on the journal's disk; -1 if the system does not tell",
            )?,
            journal_room_short: gauge(
                "holdfast_journal_room_short",
                "1 while the journal's disk has less room than `free_min`, or the journal takes more than `size_max` \
                 because a start needs it",
            )?,
        })
    }

    pub(crate) fn count_refused(&self, refused: Refused) {
        self.refused.with_label_values(&[refused.name()]).inc();
    }

    pub(crate) fn count_room(&self, room: &Room) {
        let whole = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.journal_used.set(whole(room.used));
        self.journal_free.set(room.free.map_or(-1, whole));
        self.journal_room_short.set(room.is_short().into());
    }

    /// Marks that the loop turned.
    pub(crate) fn turned(&self) {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.last_turn.set(since.as_secs_f64());
    }

    /// How long ago the loop turned last.
    pub(crate) fn since_last_turn(&self) -> Duration {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        since.saturating_sub(Duration::from_secs_f64(self.last_turn.get().max(0.0)))
    }
}

/// What is counted of supervisors on calls: how often one listened, whispered or barged in, and how many do now.
pub(crate) fn supervisions(registry: &Registry) -> Result<(IntCounterVec, IntGauge), prometheus::Error> {
    let begun = IntCounterVec::new(
        Opts::new(
            "holdfast_supervisions_total",
            "Times that a supervisor's phone was connected to a call, or in another way than before",
        ),
        &["mode"],
    )?;
    let active = IntGauge::new(
        "holdfast_supervisions",
        "Calls that a supervisor's phone is connected to or rings for",
    )?;
    registry.register(Box::new(begun.clone()))?;
    registry.register(Box::new(active.clone()))?;
    Ok((begun, active))
}
