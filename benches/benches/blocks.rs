//! A target that moves by 1 GiB and back, by whole blocks and by arrays, in a guest with 64 GiB. The balloon has half of
//! them.
//!
//! * `blocks`: the kernel has whole free blocks. `blocks, deflate entries`: every page leaves through the deflate queue.
//! * `no blocks`: the kernel declares block inflation and has no whole free block.
//! * `arrays`: the kernel does not declare it.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use aerostat_benches::{BlockBalloon, Config, Format, FrameOrder, Ours};
use criterion::{Criterion, criterion_group, criterion_main};

/// Pages of a GiB.
const GIB: u32 = 1 << 18;
/// Pages that the balloon always has: 32 GiB.
const BASE: u32 = 32 * GIB;

fn moving_target(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("blocks/1 GiB of 64 GiB");
    for (name, has_blocks, tells_host) in
        [("blocks", true, false), ("blocks, deflate entries", true, true), ("no blocks", false, false)]
    {
        let mut ours = BlockBalloon::new(2 * BASE, has_blocks, tells_host);
        ours.reach_target(BASE);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                ours.reach_target(BASE + GIB);
                ours.reach_target(BASE);
            });
        });
    }
    let config = Config { format: Format::Split, max_in_flight: 16, order: FrameOrder::Runs };
    let mut ours: Ours = Ours::new(config, 2 * BASE);
    ours.reach_target(BASE);
    group.bench_function("arrays", |bencher| {
        bencher.iter(|| {
            ours.reach_target(BASE + GIB);
            ours.reach_target(BASE);
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = moving_target
}
criterion_main!(benches);
