//! The queues beside inflation and deflation: answers to requests for statistics, and reports of free memory.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use aerostat_benches::{Format, Lie, Ours, Setting};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Frames of the kernel.
const FRAMES: u32 = 1 << 20;

fn ours(format: Format) -> Ours {
    Ours::new(Setting { format, depth: 16, lie: Lie::Runs }, FRAMES)
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
        // As many blocks as a step reports, so that each iteration is one.
        let blocks = ours.report(1);
        group.throughput(Throughput::Elements(blocks));
        group.bench_function(BenchmarkId::from_parameter(format), |bencher| bencher.iter(|| ours.report(blocks)));
    }
}

criterion_group!(benches, stats, report);
criterion_main!(benches);
