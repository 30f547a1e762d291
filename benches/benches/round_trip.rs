//! Whole inflations and deflations, by how many arrays are with the device at a time.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use aerostat_benches::{balloon, up_and_down};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Pages of a round trip: 32 MiB.
const PAGES: u32 = 8192;

fn round_trip(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round_trip");
    group.throughput(Throughput::Elements(u64::from(PAGES) * 2));
    for depth in [1, 2, 4, 8, 16] {
        let (mut balloon, device) = balloon(depth);
        group.bench_function(BenchmarkId::from_parameter(depth), |bencher| {
            bencher.iter(|| up_and_down(&mut balloon, &device, PAGES));
        });
    }
    group.finish();
}

criterion_group!(benches, round_trip);
criterion_main!(benches);
