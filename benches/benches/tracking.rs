//! The book of frames: entering them, finding and striking them out again, and exchanging one of a million.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::time::{Duration, Instant};

use aerostat_benches::{Format, Lie, Ours, Setting};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tracker::{Run, Tracker};

// The very file of the driver, which keeps the book to itself.
#[allow(dead_code, unused_imports, reason = "not all of it is measured, and its tests run elsewhere")]
#[path = "../../balloon/src/tracker.rs"]
mod tracker;

/// Frames in the book.
const FRAMES: u32 = 1 << 20;
/// Frames that are entered or struck out at a time where they lie in runs.
const RUN: u32 = 256;

/// All frames of the book, as a kernel might give them.
fn runs(lie: Lie) -> Vec<Run> {
    let scattered = |frame: u32| Run { first: (frame.wrapping_mul(0x9e37_79b1) % FRAMES).into(), count: 1 };
    match lie {
        Lie::Runs => (0..FRAMES).step_by(RUN as usize).map(|first| Run { first: first.into(), count: RUN }).collect(),
        // Every second frame, so that no two are neighbours.
        Lie::Scattered => (0..FRAMES).map(scattered).filter(|run| run.first.is_multiple_of(2)).collect(),
    }
}

fn insert(book: &mut Tracker, runs: &[Run]) {
    for &run in runs {
        assert_eq!(book.insert(run), Ok(()));
    }
}

fn take(book: &mut Tracker) {
    let mut walk = book.walk(0);
    while let Some(piece) = book.step(&mut walk, RUN) {
        book.strike(piece);
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn book(criterion: &mut Criterion) {
    let span = 0..u64::from(FRAMES);
    let words = vec![0; Tracker::words(&span).expect("a small span")].leak();
    let mut book = Tracker::new(words, &span).expect("there are enough words");
    for lie in [Lie::Runs, Lie::Scattered] {
        let runs = runs(lie);
        let mut group = criterion.benchmark_group(format!("tracking/{lie}"));
        group.throughput(Throughput::Elements(runs.iter().map(|run| u64::from(run.count)).sum()));
        group.bench_function("insert", |bencher| {
            bencher.iter_custom(|times| {
                let mut round = || {
                    let time = timed(|| insert(&mut book, &runs));
                    take(&mut book);
                    time
                };
                (0..times).map(|_| round()).sum()
            });
        });
        group.bench_function("take", |bencher| {
            bencher.iter_custom(|times| {
                let mut round = || {
                    insert(&mut book, &runs);
                    timed(|| take(&mut book))
                };
                (0..times).map(|_| round()).sum()
            });
        });
    }
}

/// Whole exchanges, of which the device acknowledges both halves.
fn migrate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tracking");
    let mut ours: Ours = Ours::new(Setting { format: Format::Split, depth: 16, lie: Lie::Runs }, FRAMES);
    ours.inflate(FRAMES);
    // There and back again, one place further each time.
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

criterion_group!(benches, book, migrate);
criterion_main!(benches);
