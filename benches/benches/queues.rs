//! The statistics queue and the reporting queue.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use aerostat_benches::{Config, Format, FrameOrder, Ours};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Number of frames of the kernel.
const FRAMES: u32 = 1 << 20;

fn ours(format: Format) -> Ours {
    Ours::new(Config { format, max_in_flight: 16, order: FrameOrder::Runs }, FRAMES)
}

fn stats(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stats");
    group.throughput(Throughput::Elements(1));
    for format in [Format::Split, Format::Packed] {
        let mut ours = ours(format);
        group.bench_function(BenchmarkId::from_parameter(format), |bencher| bencher.iter(|| ours.answer()));
    }
}

fn report(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("report");
    for format in [Format::Split, Format::Packed] {
        let mut ours = ours(format);
        // One step reports this many blocks, so that each iteration is one step.
        let blocks = ours.report(1);
        group.throughput(Throughput::Elements(blocks));
        group.bench_function(BenchmarkId::from_parameter(format), |bencher| bencher.iter(|| ours.report(blocks)));
    }
}

criterion_group!(benches, stats, report);
criterion_main!(benches);
