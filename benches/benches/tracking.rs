//! The frame bitmap: setting, finding and clearing frames, and migration of one of a million frames.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use std::time::{Duration, Instant};

use aerostat_balloon::internals::{FrameBitmap, Run};
use aerostat_benches::{Config, Format, FrameOrder, Ours};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Number of frames in the bitmap.
const FRAMES: u32 = 1 << 20;
/// Length in frames of a run.
const RUN: u32 = 256;

/// Returns the frames of the bitmap in the order in which a kernel allocates them.
fn runs(order: FrameOrder) -> Vec<Run> {
    let scattered = |frame: u32| Run { first: (frame.wrapping_mul(0x9e37_79b1) % FRAMES).into(), count: 1 };
    match order {
        FrameOrder::Runs => {
            (0..FRAMES).step_by(RUN as usize).map(|first| Run { first: first.into(), count: RUN }).collect()
        }
        // Every second frame, so that no two are adjacent.
        FrameOrder::Scattered => (0..FRAMES).map(scattered).filter(|run| run.first.is_multiple_of(2)).collect(),
    }
}

fn set(bitmap: &mut FrameBitmap, runs: &[Run]) {
    for &run in runs {
        assert_eq!(bitmap.set(run), Ok(()));
    }
}

fn clear(bitmap: &mut FrameBitmap) {
    let mut cursor = bitmap.cursor(0);
    while let Some(bits) = bitmap.advance(&mut cursor, RUN) {
        bitmap.clear(bits);
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn bitmap(criterion: &mut Criterion) {
    let range = 0..u64::from(FRAMES);
    let words = vec![0; FrameBitmap::words(&range).expect("a small range")].leak();
    let mut bitmap = FrameBitmap::new(words, &range);
    for order in [FrameOrder::Runs, FrameOrder::Scattered] {
        let runs = runs(order);
        let mut group = criterion.benchmark_group(format!("tracking/{order}"));
        group.throughput(Throughput::Elements(runs.iter().map(|run| u64::from(run.count)).sum()));
        group.bench_function("insert", |bencher| {
            bencher.iter_custom(|times| {
                let mut round = || {
                    let time = timed(|| set(&mut bitmap, &runs));
                    clear(&mut bitmap);
                    time
                };
                (0..times).map(|_| round()).sum()
            });
        });
        group.bench_function("take", |bencher| {
            bencher.iter_custom(|times| {
                let mut round = || {
                    set(&mut bitmap, &runs);
                    timed(|| clear(&mut bitmap))
                };
                (0..times).map(|_| round()).sum()
            });
        });
    }
}

/// Measures complete migrations, which use both the inflate queue and the deflate queue.
fn migrate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracking");
    let mut ours: Ours =
        Ours::new(Config { format: Format::Split, max_in_flight: 16, order: FrameOrder::Runs }, FRAMES);
    ours.inflate(FRAMES);
    // Migrates a frame and back, at another frame in each iteration.
    group.throughput(Throughput::Elements(2));
    let mut old = 0;
    group.bench_function(BenchmarkId::new("migrate one of", FRAMES), |bencher| {
        bencher.iter(|| {
            let new = u64::from(FRAMES) + old;
            ours.migrate(old, new);
            ours.migrate(new, old);
            old = (old + 12345) % u64::from(FRAMES);
        });
    });
}

criterion_group!(benches, bitmap, migrate);
criterion_main!(benches);
