//! Measures the queue under load: plays N operators and Poisson callers against a running engine, both sides in one
//! process on one clock, and judges what comes back.
//!
//! It owns two UDP sockets, one for all callers and one for all operators' phones, and speaks just enough SIP by
//! hand to be fast. What always holds: a call is completed only if it was answered, reached an operator, and both
//! legs ended; anything else is a failure with a name. It sends no RTP: `media` has a bench of its own.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its findings"
)]

mod callers;
mod engine;
mod operators;
mod report;
mod run;
mod wire;

use clap::Parser;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

/// Offers callers to a running engine at a rate and plays the operators who take them.
#[derive(Parser, Debug)]
pub(crate) struct Options {
    /// SIP address of the engine (UDP).
    #[arg(long)]
    engine: SocketAddr,
    /// Process id of the engine, to read the CPU time it took.
    #[arg(long)]
    engine_pid: Option<u32>,
    /// Local address of the callers, which the engine must know as a trunk.
    #[arg(long, default_value = "127.0.0.2")]
    callers: IpAddr,
    /// Local address of the operators' phones.
    #[arg(long, default_value = "127.0.0.3")]
    phones: IpAddr,
    /// What the callers dial.
    #[arg(long, default_value = "hotline")]
    dial: String,
    /// Operators, who register as op1, op2, ...
    #[arg(long, default_value_t = 200)]
    operators: usize,
    /// Digest password of all operators.
    #[arg(long, default_value = "secret")]
    secret: String,
    /// Calls offered a second; the gaps are exponential.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// Seconds of load that are measured.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Seconds of load before that, which are not.
    #[arg(long, default_value_t = 3)]
    warm_up: u64,
    /// Milliseconds from answer to hang-up. Caller and operator hang up in turn.
    #[arg(long, default_value_t = 50)]
    talk: u64,
    /// Seed of the arrivals.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Exit with failure unless every call completed in order and none was offered twice.
    #[arg(long)]
    strict: bool,
}

impl Options {
    fn talk(&self) -> Duration {
        Duration::from_millis(self.talk)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run::run(&options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(options.strict && !report.is_clean()))
        }
        Err(error) => {
            eprintln!("queue_load: {error}");
            ExitCode::FAILURE
        }
    }
}
