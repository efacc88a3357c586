//! The queue core: lines, queue, operators and assignment, as one deterministic state machine.
//!
//! [`Acd::handle`] is the only way in. It never reads a clock, a socket or a random number: time is an argument, so
//! that the same inputs at the same times give the same outputs on every machine, byte for byte.
#![forbid(unsafe_code)]

mod acd;
mod calls;
mod config;
mod error;
mod estimate;
mod event;
mod fifo;
mod ids;
mod input;
mod lines;
mod operators;
mod output;
mod places;
mod regulars;
pub mod schedule;
mod snapshot;
mod strategy;
mod time;
mod timers;

pub use acd::{Acd, Explanation, WaitsFor};
pub use config::*;
pub use error::ConfigError;
pub use event::*;
pub use ids::*;
pub use input::*;
pub use output::*;
pub use snapshot::*;
pub use time::Timestamp;
