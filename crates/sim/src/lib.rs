//! Virtual days: the real queue core under made-up callers and operators, in virtual time, from a seed.
//!
//! - [`scenario`]: what a day is made of, as a TOML file;
//! - [`world`]: the day itself: an event-driven world that talks to [`acd::Acd`] by inputs and outputs only;
//! - [`storm`]: scenarios drawn at random, in which everything goes wrong;
//! - [`oracle`]: watches every step and knows what must hold;
//! - [`report`]: what it means, as table, JSON and HTML page; [`whatif`]: the same day with something changed;
//! - [`theory`]: the Erlang formulas, which a day without faults must agree with.
//!
//! What always holds: the same scenario and seed give the same run, bit for bit, on any machine. No clock is read, no
//! hash order is used, and all mathematics beyond IEEE 754's own operations is the `libm` crate's.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod arrivals;
pub mod calendar;
pub mod dist;
pub mod oracle;
pub mod record;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod stats;
pub mod storm;
pub mod theory;
pub mod whatif;
pub mod world;

pub use record::{CallRecord, Usage};
pub use report::Report;
pub use scenario::{Mistake, Scenario};
pub use world::{Run, SimError, run};
