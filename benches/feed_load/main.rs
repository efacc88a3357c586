//! Measures the feed under load: many consoles on loopback, events at a steady rate, and how long each event takes to
//! reach each console.
//!
//! Feed and source of events have core 0 to themselves, all consoles core 1. What always holds: a delay counts from the moment
//! at which the event was due, so that a source or a console that falls behind flatters nobody; a console that misses a
//! number fails the run; every run is bounded in consoles and seconds. It knows nothing of calls: the feed is the real one,
//! over an empty queue.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints its findings"
)]

mod consoles;
mod frames;
#[path = "../feed/house.rs"]
mod house;
mod source;

use benches::cost;
use clap::Parser;
use consoles::{Consoles, Seen};
use feed::Hub;
use source::Plan;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;

/// Loads a feed of its own with consoles and events on loopback, and prints what became of it.
#[derive(Parser, Debug)]
struct Options {
    /// Consoles that read all they are sent.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_500))]
    consoles: u32,
    /// Consoles beside them that read nothing.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=400))]
    stalled: u32,
    /// Events a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Seconds measured, after two of warming up.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=120))]
    seconds: u32,
}

/// How long events come before anything is counted, in seconds.
const WARM_UP: u32 = 2;

/// How the names of the feed's threads begin: of those that serve the consoles, which have their name from here, and its own.
const FEED_THREADS: &str = "feed-";

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("feed_load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every console saw every event.
fn run(options: &Options) -> io::Result<bool> {
    cost::pin_to_core(Some(0))?;
    let feeds = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("feed-consoles")
        .enable_all()
        .build()?;
    let hub = Hub::new(1);
    let feed = feeds.block_on(house::serve(&hub));

    cost::pin_to_core(Some(1))?;
    let _stalled = consoles::stalled(feed.local_addr(), options.stalled)?;
    let consoles = Consoles::connect(feed.local_addr(), options.consoles)?;
    let plan = Plan::new(options.rate, WARM_UP, options.seconds);
    let watching = thread::spawn(move || consoles.watch(plan));

    cost::pin_to_core(Some(0))?;
    let publishing = thread::spawn(move || source::publish(plan, &hub));
    thread::sleep(Duration::from_secs(WARM_UP.into()));
    let before = cost::of_threads("self", FEED_THREADS)?;
    thread::sleep(Duration::from_secs(options.seconds.into()));
    let spent = cost::of_threads("self", FEED_THREADS)?.saturating_sub(before);

    let broken = |_| io::Error::other("a thread of the generator broke off");
    let late = publishing.join().map_err(broken)?;
    let mut seen = watching.join().map_err(broken)??;
    print(options, spent, late, &mut seen);
    Ok(seen.complete())
}

fn print(options: &Options, spent: Duration, late: Duration, seen: &mut Seen) {
    let Options {
        consoles,
        stalled,
        rate,
        seconds,
    } = options;
    println!("{consoles} consoles, {stalled} more that do not read, {rate} events a second for {seconds} s");
    let share = spent.as_secs_f64() / f64::from(*seconds);
    let deltas = seen.deltas.max(1) as f64;
    println!(
        "feed: {:.0} % of a core, {:.1} µs a delta; the source was at most {:.1} ms late",
        share * 100.0,
        spent.as_secs_f64() / deltas * 1e6,
        late.as_secs_f64() * 1e3
    );
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| seen.delays.percentile(share).as_secs_f64() * 1e3);
    println!(
        "event to console: p50 {p50:.1} ms, p99 {p99:.1} ms, at most {most:.1} ms; {} deltas, {} missed",
        seen.deltas, seen.missed
    );
}
