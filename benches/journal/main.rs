//! The journal alone: appends with and without a sync for each, replay through the core, bytes for a call.
//!
//! `cargo bench -p benches --bench journal`. The log is the hotline's day as the core's benches record it, with the
//! decisions of each batch beside the inputs, as the engine writes it.

#[expect(dead_code, reason = "shared with the core's benches, which use more of it")]
#[path = "../core/day.rs"]
mod day;
#[expect(dead_code, reason = "shared with the core's benches, which use more of it")]
#[path = "../core/house.rs"]
mod house;

use acd::{Acd, Input, Output, Timestamp};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use journal::{Begins, Durability, Journal, Options};
use replay::{Decisions, Walk};
use std::fs;
use std::hint::black_box;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Days of 1,200 calls in the log that is replayed. An unoptimised build only shows that the benches run.
const DAYS: u64 = if cfg!(debug_assertions) { 1 } else { 60 };
/// Commits whose latency is looked at.
const COMMITS: usize = if cfg!(debug_assertions) { 20 } else { 2_000 };

/// A directory that is gone afterwards.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("holdfast-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn journal_in(dir: &Path, durability: Durability) -> Journal {
    let options = Options {
        durability,
        ..Options::default()
    };
    let recovered = Journal::recover(dir).expect("a journal");
    let begun = recovered.begin(&house::hotline(), options, house::MIDNIGHT, Begins::Empty);
    begun.expect("a new run").0
}

/// Writes `days` as an engine does: each input with what was decided, in a commit of its own.
fn write(dir: &Path, days: &[Vec<(Timestamp, Input)>]) -> u64 {
    let mut journal = journal_in(dir, Durability::Never);
    let (mut core, mut decisions): (Acd, _) = (house::core(house::hotline()), Decisions::default());
    let mut outputs = Vec::new();
    let mut bytes = 0;
    for (at, input) in days.iter().flatten() {
        journal.append(*at, input).expect("an entry");
        core.handle(*at, *input, &mut outputs);
        decisions.take(&outputs);
        outputs.clear();
        journal.decided(*at, decisions.hash()).expect("an entry");
        bytes += journal.commit(*at).expect("a commit").bytes;
    }
    journal.close().expect("the end");
    bytes
}

fn appends(c: &mut Criterion) {
    let inputs = day::record(house::hotline(), 1_200);
    let mut group = c.benchmark_group("append");
    group.sample_size(20);
    for (name, durability, batch) in [
        ("synced/1", Durability::EveryBatch, 1),
        ("synced/64", Durability::EveryBatch, 64),
        ("unsynced/1", Durability::Never, 1),
        ("unsynced/64", Durability::Never, 64),
    ] {
        let dir = Dir::new(&name.replace('/', "-"));
        let mut journal = journal_in(&dir.0, durability);
        let mut each = inputs.iter().cycle();
        group.throughput(Throughput::Elements(batch));
        group.bench_function(name, |b| {
            b.iter(|| {
                for (at, input) in each.by_ref().take(batch as usize) {
                    journal.append(*at, input).expect("an entry");
                }
                journal.commit(house::MIDNIGHT).expect("a commit")
            });
        });
    }
    group.finish();
}

/// Criterion tells means; what a caller feels is the slowest.
fn latency(_: &mut Criterion) {
    if listing() {
        return;
    }
    let inputs = day::record(house::hotline(), 1_200);
    for (name, durability) in [
        ("synced", Durability::EveryBatch),
        ("unsynced", Durability::Never),
    ] {
        let dir = Dir::new(name);
        let mut journal = journal_in(&dir.0, durability);
        let mut took: Vec<Duration> = inputs
            .iter()
            .cycle()
            .take(COMMITS)
            .map(|(at, input)| {
                let began = Instant::now();
                journal.append(*at, input).expect("an entry");
                journal.commit(*at).expect("a commit");
                began.elapsed()
            })
            .collect();
        took.sort_unstable();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        say(&format!(
            "append and commit, {name}: p50 {:?}, p99 {:?}",
            at(0.5),
            at(0.99)
        ));
    }
}

fn replays(c: &mut Criterion) {
    let inputs = day::record(house::hotline(), 1_200);
    let days: Vec<_> = (0..DAYS).map(|n| day::later(&inputs, n)).collect();
    let dir = Dir::new("replay");
    let bytes = write(&dir.0, &days);
    let count: u64 = days.iter().map(|day| day.len() as u64).sum();
    let calls = 1_200 * DAYS;
    say(&format!(
        "{} bytes for a call: {count} inputs of {calls} calls, each in a frame of its own with what was decided",
        bytes / calls
    ));
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(count));
    group.bench_function("compared", |b| {
        b.iter(|| {
            let walk = Walk::new(&dir.0, None).expect("a journal");
            let found = walk.go(&mut (), &mut |_| {}).expect("a whole journal");
            assert!(found.agree());
            black_box(found)
        });
    });
    group.bench_function("read", |b| {
        b.iter(|| {
            let mut recovered = Journal::recover(&dir.0).expect("a journal");
            let mut inputs = 0u64;
            recovered
                .replay(&mut |_, _| inputs += 1)
                .expect("a whole journal");
            black_box(inputs)
        });
    });
    group.finish();
}

/// Tells the core one thing; the recorder of the day asks for it.
fn feed(acd: &mut Acd, at: Timestamp, input: Input, outputs: &mut Vec<Output>) {
    outputs.clear();
    acd.handle(at, input, outputs);
}

/// Whether the benches are only to be listed, so that nothing else may be said.
fn listing() -> bool {
    std::env::args().any(|argument| argument == "--list")
}

/// A figure that is not criterion's.
fn say(text: &str) {
    if listing() {
        return;
    }
    // Nobody reads it when standard output is gone.
    drop(writeln!(io::stdout(), "{text}"));
}

criterion_group!(benches, appends, latency, replays);
criterion_main!(benches);
