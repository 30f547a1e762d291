//! Encoding of frames into arrays of page numbers, compared with a copy of the same number of bytes.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use std::array::from_fn;
use std::hint::black_box;

use aerostat_benches::{Aligned, ENTRIES, copy, copy_baseline, encode_4k, encode_64k, encode_run, encode_wide};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn pfn_array(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pfn_array");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    let mut array = Aligned([0; _]);
    let bytes = Aligned([0xa5; _]);
    let pages: Aligned<[u32; ENTRIES]> = Aligned(from_fn(|frame| (frame as u32).wrapping_mul(0x9e37_79b1)));
    let frames = Aligned(pages.0.map(u64::from));
    group.bench_function("copy", |bencher| bencher.iter(|| copy(black_box(&mut array), black_box(&bytes))));
    group.bench_function(BenchmarkId::new("copy", "16 bytes at a time"), |bencher| {
        bencher.iter(|| copy_baseline(black_box(&mut array), black_box(&bytes), black_box(0)));
    });
    group.bench_function(BenchmarkId::new("scattered", "4 KiB"), |bencher| {
        bencher.iter(|| encode_4k(black_box(&mut array), black_box(&pages.0)));
    });
    group.bench_function(BenchmarkId::new("scattered", "4 KiB by 64-bit numbers"), |bencher| {
        bencher.iter(|| encode_wide(black_box(&mut array), black_box(&frames.0)));
    });
    group.bench_function(BenchmarkId::new("scattered", "64 KiB"), |bencher| {
        bencher.iter(|| encode_64k(black_box(&mut array), black_box(&pages.0)));
    });
    // The encoding of a run does not depend on the frame size.
    group.bench_function("run", |bencher| {
        bencher.iter(|| encode_run(black_box(&mut array), black_box(0x1000), black_box(ENTRIES as u32)));
    });
    group.finish();
}

criterion_group!(benches, pfn_array);
criterion_main!(benches);
