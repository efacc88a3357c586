//! The program around the engine: configuration, commands, start and stop.
//!
//! Owns the settings' names, the command line, and the order in which the parts are started and stopped. Everything
//! that a command does can be called from here too, so that tests and the demonstration run the very same engine.
//!
//! Deliberately not here: any decision about calls, and anything that the crates beneath could do themselves.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod banner;
mod browsers;
pub mod check;
pub mod config;
pub mod demo;
mod descriptors;
pub mod logs;
mod past;
pub mod secret;
pub mod serve;
pub mod simulate;
pub mod top;

pub use config::Config;
pub use serve::{ServeError, Served, Server};
