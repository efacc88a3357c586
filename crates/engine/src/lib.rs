//! The one loop: it stamps what happens outside with the time, journals it, asks the core, and carries out what the
//! core decides.
//!
//! Owns the time, the order of events, and the queue's one thread. What always holds:
//!
//! - Every input is handed to the journal, and the journal committed, before anything that follows from it is
//!   carried out or told to anybody.
//! - Inputs are handled one after the other, in the order in which they were offered; time never goes back.
//! - What changes a call's or an operator's state is never dropped. When the engine cannot keep up, new calls and
//!   consoles' requests are refused instead, and counted.
//! - A journal that cannot be written stops nothing: it is reported, and the queue goes on in memory.
//!
//! - A run goes on where the last one ended, however that ended ([`Recovery`]): what the core believes is made so
//!   outside again, and what is found to be otherwise outside is told to the core.
//!
//! It decides nothing about calls (that is [`acd`]), and opens no socket.
#![forbid(unsafe_code)]

mod clock;
mod edges;
mod engine;
mod fill_in;
mod house;
mod inbox;
mod metrics;
mod numbers;
mod reconcile;
mod recovery;
#[cfg(test)]
mod recovery_tests;
mod remarks;
mod resume;
mod supervision;
#[cfg(test)]
mod tests;
mod turn;

pub use clock::{Clock, ClockConfig};
pub use edges::{Edges, Log};
pub use engine::{Ended, Engine, EngineConfig, Entrance, Progress, Threshold, entrance};
pub use fill_in::FillIn;
pub use house::{House, RecordPolicy, Recorded};
pub use numbers::{epoch_of, series_of};
pub use recovery::{Beginning, Notes, Past, Recovery};
pub use remarks::with_remarks;
pub use supervision::SupervisorNews;

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The core does not take its configuration.
    #[error(transparent)]
    Core(#[from] acd::ConfigError),
    /// Two collectors of one name on the registry.
    #[error("cannot register the engine's metrics: {0}; give each engine a registry of its own")]
    Metrics(#[from] prometheus::Error),
    /// The system gives no thread.
    #[error("cannot start the engine's thread: {0}; look at the limits on threads and memory")]
    Thread(#[source] std::io::Error),
}
