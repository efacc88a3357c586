//! Metrics and logs, derived from what the queue core says has become true.
//!
//! Owns the `holdfast_*` metrics that events can fill and the log line of every happening of a call.
//!
//! Always holds: observing an event takes the same time however many calls are live; a gauge of states sums to
//! the number of things that have a state; no number of a caller and no call's id is ever a label.
//!
//! Deliberately not here: the metrics of SIP, RTP, journal and feed, which their own crates keep; any decision.
#![forbid(unsafe_code)]

mod book;
mod families;
mod log;
mod metrics;
mod names;
mod subscriber;

pub use log::log_event;
pub use metrics::{Clock, Metrics};
pub use names::Names;
pub use subscriber::{Log, LogFormat, check_filter, init_tracing};

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Two collectors of one name on the registry.
    #[error("cannot register the queue's metrics: {0}; give each engine a registry of its own")]
    Metrics(#[from] prometheus::Error),
    /// The filter does not parse.
    #[error("the log filter {filter:?} is wrong: {source}; write it as \"info\" or \"info,sip=debug\"")]
    Filter {
        /// As configured.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody set a subscriber before.
    #[error("logging was set up before: {0}; set it up once, at the start")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}
