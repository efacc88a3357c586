//! The queue core alone: the hotline's day, and steady churn with many callers waiting.
//!
//! `cargo bench -p benches --bench core`. Inputs are made beforehand or follow from the outputs; what is measured is
//! `Acd::handle` and nothing else that could be left out.

mod churn;
mod day;
mod field;
mod house;

use acd::{Acd, Output};
use churn::Churn;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

/// The sizes of the curve: callers waiting. An unoptimised build only shows that the benches run.
const WAITING: &[u32] = if cfg!(debug_assertions) {
    &[100]
} else {
    &[100, 1_000, 10_000, 100_000]
};

/// 1,200 calls with all their events, and a year of such days.
fn day(c: &mut Criterion) {
    let inputs = day::record(house::hotline(), 1_200);
    let mut group = c.benchmark_group("day");
    group.throughput(Throughput::Elements(inputs.len() as u64));
    group.bench_function("1200_calls", |b| {
        b.iter_batched_ref(
            || (house::core(house::hotline()), Vec::with_capacity(64)),
            |(acd, outputs)| day::replay(acd, &inputs, outputs),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let year: Vec<_> = (0..365).map(|n| day::later(&inputs, n)).collect();
    let mut group = c.benchmark_group("year");
    group.sample_size(10);
    group.throughput(Throughput::Elements(
        year.iter().map(|day| day.len() as u64).sum(),
    ));
    group.bench_function("365_days", |b| {
        b.iter_batched_ref(
            || (house::core(house::hotline()), Vec::with_capacity(64)),
            |(acd, outputs)| year.iter().for_each(|day| day::replay(acd, day, outputs)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// 1,000 operators, all talking; each cycle one call ends, the oldest is served, one gives up and others arrive.
fn churn(c: &mut Criterion) {
    let mut group = c.benchmark_group("churn");
    group.throughput(Throughput::Elements(churn::INPUTS_PER_CYCLE));
    for &waiting in WAITING {
        group.bench_function(BenchmarkId::new("holdfast", waiting), |b| {
            let mut churn = Churn::new(house::core(house::many_lines(1_000)), 1_000, waiting);
            // Past the first growth of every table.
            (0..4 * waiting).for_each(|_| churn.cycle());
            b.iter(|| churn.cycle());
        });
    }
    group.finish();
}

/// The same churn on the two designs of the field; with 100,000 waiting, filling the house alone takes minutes.
fn churn_of_the_field(c: &mut Criterion) {
    let mut group = c.benchmark_group("churn");
    group.sample_size(10);
    group.throughput(Throughput::Elements(churn::INPUTS_PER_CYCLE));
    for &waiting in WAITING.iter().filter(|waiting| **waiting <= 10_000) {
        group.bench_function(BenchmarkId::new("locked_list", waiting), |b| {
            let mut churn = Churn::new(field::LockedList::new(1_000), 1_000, waiting);
            b.iter(|| churn.cycle());
        });
        group.bench_function(BenchmarkId::new("polled_table", waiting), |b| {
            let mut churn = Churn::new(field::PolledTable::new(1_000), 1_000, waiting);
            b.iter(|| churn.cycle());
        });
    }
    group.finish();
}

/// What the snapshot for a console that connects costs.
fn snapshot(c: &mut Criterion) {
    let waiting = if cfg!(debug_assertions) { 100 } else { 10_000 };
    c.bench_function(&format!("snapshot/{waiting}"), |b| {
        let churn = Churn::new(house::core(house::many_lines(1_000)), 1_000, waiting);
        b.iter(|| black_box(churn.queue().snapshot()))
    });
}

/// Hands one input to a core, and the outputs to the bin.
fn feed(acd: &mut Acd, at: acd::Timestamp, input: acd::Input, outputs: &mut Vec<Output>) {
    acd.handle(at, input, outputs);
    black_box(&*outputs);
    outputs.clear();
}

criterion_group!(benches, day, churn, churn_of_the_field, snapshot);
criterion_main!(benches);
