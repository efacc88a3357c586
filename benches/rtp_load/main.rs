//! Measures the media plane under load: talking pairs relayed, waiting callers played to, calls that come and go, on
//! loopback, with the generator in the same process and on the same clock.
//!
//! It owns phones that share a few sockets, and reads what the media threads cost from the kernel's own
//! accounting of each thread, so the generator's cost is not in the figures. What always holds: a packet is lost
//! if it did not come back, wherever it was lost; every run is bounded in calls and seconds; the generator tells
//! how late it was itself. Beside the media plane it can measure a bare relay, which does nothing but what the kernel
//! must do: the least that a socket a leg can cost on this machine at this hour; and rtpengine. It speaks no SIP.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its findings"
)]

mod bare;
mod generator;
mod phones;
mod received;
mod rtpengine;
mod subject;

use benches::cost;
use clap::Parser;
use generator::Findings;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use subject::Kind;

/// Loads a media plane of its own with RTP on loopback, one row of findings for each number of calls.
#[derive(Parser, Debug)]
pub(crate) struct Options {
    /// Talking pairs, both sides sending; several numbers for several runs.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    talking: Vec<usize>,
    /// Waiting callers who hear music; several numbers for several runs.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    held: Vec<usize>,
    /// Waiting callers send nothing. Real phones do send.
    #[arg(long)]
    mute: bool,
    /// Waiting callers did not agree to telephone-event, so that all they send must be read.
    #[arg(long)]
    no_events: bool,
    /// Calls a second that come and as many that end: a new caller waits, the longest waiting one is connected, the
    /// longest talking pair hangs up.
    #[arg(long, default_value_t = 0)]
    churn: u32,
    /// Seconds measured in each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Each row is measured so often.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Also measure a relay that only receives and sends.
    #[arg(long)]
    bare: bool,
    /// Also measure rtpengine, in user space; talking pairs only. Debian has it as rtpengine-daemon.
    #[arg(long)]
    rtpengine: bool,
    /// Media threads. One has core 0 to itself, and the generator core 1.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Microseconds for which packets are always gathered; 0 leaves it to the media threads.
    #[arg(long, default_value_t = 0)]
    gather: u64,
    /// Fail when anything was lost, a stream paused for longer than this many milliseconds, or something leaked.
    #[arg(long)]
    gap_max: Option<u64>,
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
    println!(
        "          talking   held  received/s  CPU %  CPU %/100    lost  added p50/p99 µs  gap p99/max ms  KB a leg  generator late p99 µs"
    );
    let mut sound = true;
    for &talking in &options.talking {
        for &held in &options.held {
            if talking * 2 + held > LEGS_MAX {
                eprintln!("rtp_load: {talking} talking and {held} held make more than {LEGS_MAX} legs");
                return ExitCode::FAILURE;
            }
            let kinds = kinds(&options, held);
            for kind in (0..options.runs).flat_map(|_| kinds.clone()) {
                match generator::run(&options, talking, held, kind) {
                    Ok(findings) => {
                        print(talking, held, kind, &findings);
                        sound &= kind != Kind::Holdfast || is_sound(&options, &findings);
                    }
                    Err(e) => {
                        eprintln!("rtp_load: {talking} talking, {held} held, {}: {e}", kind.name());
                        return ExitCode::FAILURE;
                    }
                }
            }
        }
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What is measured in turn. Only the media plane has calls that come and go, and music.
fn kinds(options: &Options, held: usize) -> Vec<Kind> {
    let steady = options.churn == 0;
    let mut kinds = vec![Kind::Holdfast];
    if options.bare && steady {
        kinds.insert(0, Kind::Bare);
    }
    if options.rtpengine && steady && held == 0 {
        kinds.push(Kind::Rtpengine);
    }
    kinds
}

fn print(talking: usize, held: usize, kind: Kind, f: &Findings) {
    let cpu = f.cpu.as_secs_f64() / f.took.as_secs_f64() * 100.0;
    let per_hundred = cpu / (talking + held).max(1) as f64 * 100.0;
    println!(
        "{:<9} {talking:>7} {held:>6} {:>11.0} {cpu:>6.1} {per_hundred:>10.2} {:>7} {:>17} {:>15} {:>9} {:>22}",
        kind.name(),
        f.received as f64 / f.took.as_secs_f64(),
        f.lost,
        format!("{} / {}", f.added[0].as_micros(), f.added[1].as_micros()),
        format!("{:.1} / {:.1}", millis(f.gap[0]), millis(f.gap[1])),
        f.kilobytes_a_leg
            .map_or("-".into(), |kilobytes| format!("{kilobytes:.1}")),
        f.late_p99.as_micros(),
    );
}

/// Whether a run kept what `--gap-max` asks for; says what it did not.
fn is_sound(options: &Options, f: &Findings) -> bool {
    let Some(gap_max) = options.gap_max else {
        return true;
    };
    let mut sound = true;
    let mut complain = |what: String| {
        eprintln!("rtp_load: {what}");
        sound = false;
    };
    if f.lost > 0 {
        complain(format!("{} packets were lost", f.lost));
    }
    if f.gap[1] > Duration::from_millis(gap_max) {
        complain(format!("a stream paused for {:.1} ms", millis(f.gap[1])));
    }
    if f.leaked_pairs != 0 {
        complain(format!("{} port pairs were not given back", f.leaked_pairs));
    }
    if f.leaked_descriptors > 0 {
        complain(format!(
            "{} more descriptors are open than before",
            f.leaked_descriptors
        ));
    }
    sound
}

fn millis(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}
