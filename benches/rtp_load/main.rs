//! Measures the media plane under load: talking pairs relayed, waiting callers played to, on loopback, with the
//! generator in the same process and on the same clock.
//!
//! It owns phones that share a few sockets, and reads what the media threads cost from the kernel's own
//! accounting of each thread, so the generator's cost is not in the figures. What always holds: a packet is lost
//! if it did not come back, wherever it was lost; every run is bounded in calls and seconds. It speaks no SIP.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its findings"
)]

mod cost;
mod generator;
mod phones;

use clap::Parser;
use generator::Findings;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Loads a media plane of its own with RTP on loopback, one row of findings for each number of calls.
#[derive(Parser, Debug)]
pub(crate) struct Options {
    /// Talking pairs, both sides sending; several numbers for several runs.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    talking: Vec<usize>,
    /// Waiting callers who hear music; several numbers for several runs.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    held: Vec<usize>,
    /// Waiting callers send nothing. Real phones do send, which costs as much as the music.
    #[arg(long)]
    mute: bool,
    /// Seconds measured in each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Media threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Microseconds for which packets are gathered; 0 relays each at once.
    #[arg(long, default_value_t = 0)]
    gather: u64,
    /// The folder with prompts/ and music/.
    #[arg(long, default_value = "config")]
    audio: PathBuf,
}

/// Legs that fit into the port range and the descriptors of a process.
const LEGS_MAX: usize = 20_000;

fn main() -> ExitCode {
    let options = Options::parse();
    match cost::of_a_bare_packet() {
        Ok(least) => println!(
            "The kernel alone takes {:.1} µs to receive a packet and send it on: {:.1} % per 100 talking pairs.\n",
            least.as_secs_f64() * 1e6,
            least.as_secs_f64() * 10_000.0 * 100.0,
        ),
        Err(e) => eprintln!("rtp_load: cannot measure a bare packet: {e}"),
    }
    println!("talking   held   sent/s  CPU %  CPU %/100    lost   ppm  added p50 µs   p99 µs   gap p99 ms");
    for &talking in &options.talking {
        for &held in &options.held {
            if talking * 2 + held > LEGS_MAX {
                eprintln!("rtp_load: {talking} talking and {held} held make more than {LEGS_MAX} legs");
                return ExitCode::FAILURE;
            }
            match generator::run(&options, talking, held) {
                Ok(findings) => print(talking, held, options.seconds, &findings),
                Err(e) => {
                    eprintln!("rtp_load: {talking} talking, {held} held: {e}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

fn print(talking: usize, held: usize, seconds: u64, f: &Findings) {
    let cpu = f.cpu.as_secs_f64() / seconds as f64 * 100.0;
    let per_hundred = cpu / (talking + held).max(1) as f64 * 100.0;
    let ppm = f.lost as f64 / f.sent.max(1) as f64 * 1e6;
    println!(
        "{talking:>7} {held:>6} {:>8} {cpu:>6.1} {per_hundred:>10.2} {:>7} {ppm:>5.0} {:>13} {:>8} {:>12.1}",
        f.sent / seconds,
        f.lost,
        micros(f.added_p50),
        micros(f.added_p99),
        f.gap_p99.as_secs_f64() * 1e3,
    );
}

fn micros(d: Duration) -> u128 {
    d.as_micros()
}
