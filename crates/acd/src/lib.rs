//! The queue core: lines, queue, operators and assignment, as one deterministic state machine.
//!
//! [`Acd::handle`] is the only way in. It never reads a clock, a socket or a random number: time is an argument, so
//! that the same inputs at the same times give the same outputs on every machine, byte for byte.
//!
//! To read it: `acd/mod.rs` is the way in and the order of things; `acd/assign.rs` is the heart, giving lines and
//! operators to the oldest; `acd/callers.rs`, `acd/legs.rs` and `acd/operators.rs` are what callers, phones and operators
//! do, and `acd/consulting.rs` what operators do with a call; `acd/leaving.rs` and `acd/call_backs.rs` are the ways out of the queue other than an operator; `acd/announce.rs`
//! and `acd/explain.rs` are what is told of it. Beneath them, each knowing nothing of the others: `queue` (who waits),
//! `fifo` (order), `timers` (deadlines), `lines` (capacity), `schedule` (the calendar), `operators` and `strategy` (who
//! is free, and who of them is chosen), `calls`, `places` and `regulars` (who is here, who may come back, who talked with
//! whom), `estimate` (how long it will take). `acd/audit.rs` checks that all of it agrees; `acd/state.rs`
//! writes all of it down.
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
mod queue;
mod regulars;
pub mod schedule;
mod snapshot;
mod strategy;
mod time;
mod timers;

pub use acd::{Acd, Explanation, StateError, WaitsFor};
pub use config::*;
pub use error::ConfigError;
pub use event::*;
pub use ids::*;
pub use input::*;
pub use output::*;
pub use snapshot::*;
pub use time::Timestamp;
