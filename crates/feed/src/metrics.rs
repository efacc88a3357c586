//! The feed's own metrics.

use crate::auth::Role;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector};

/// Why a client was given a snapshot in place of deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resync {
    /// It did not keep up.
    Slow,
    /// The feed itself missed events.
    Gap,
    /// It asked to resume from a number too old, or of another epoch.
    Stale,
}

impl Resync {
    const ALL: [Self; 3] = [Self::Slow, Self::Gap, Self::Stale];

    const fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Gap => "gap",
            Self::Stale => "stale",
        }
    }
}

/// All of them.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) clients: IntGaugeVec,
    pub(crate) closed: IntCounterVec,
    pub(crate) commands: IntCounterVec,
    resyncs: IntCounterVec,
    pub(crate) rejected: IntCounterVec,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let clients = Opts::new("holdfast_feed_clients", "Feed clients connected, by role.");
        let closed = Opts::new("holdfast_feed_closed_total", "Feed clients gone, by why.");
        let commands = Opts::new("holdfast_feed_commands_total", "Commands, by kind and answer.");
        let resyncs = Opts::new(
            "holdfast_feed_resyncs_total",
            "Snapshots sent in place of deltas, by why.",
        );
        let rejected = Opts::new(
            "holdfast_feed_rejected_total",
            "Upgrades to the feed refused, by why.",
        );
        let metrics = Self {
            clients: add(registry, IntGaugeVec::new(clients, &["role"]))?,
            closed: add(registry, IntCounterVec::new(closed, &["reason"]))?,
            commands: add(registry, IntCounterVec::new(commands, &["command", "answer"]))?,
            resyncs: add(registry, IntCounterVec::new(resyncs, &["reason"]))?,
            rejected: add(registry, IntCounterVec::new(rejected, &["reason"]))?,
        };
        for role in Role::NAMES {
            metrics.clients.with_label_values(&[role]);
        }
        for reason in Resync::ALL {
            metrics.resyncs.with_label_values(&[reason.name()]);
        }
        Ok(metrics)
    }

    pub(crate) fn resynced(&self, reason: Resync) {
        self.resyncs.with_label_values(&[reason.name()]).inc();
    }
}

fn add<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> prometheus::Result<C> {
    let made = made?;
    registry.register(Box::new(made.clone()))?;
    Ok(made)
}
