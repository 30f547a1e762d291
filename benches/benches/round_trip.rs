//! Whole inflations and deflations on a device that acknowledges at once, by who drives it, over which rings, how the
//! kernel's frames lie, and how many arrays are with the device at a time.
//!
//! `exit` is the same with notifications that take as long as leaving a virtual machine does; `device` is the device alone,
//! which is a part of all others.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::time::Duration;

use aerostat_benches::{Bare, ENTRIES, Format, Lie, Ours, Peer, Setting};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Pages of a round trip: 64 MiB.
const PAGES: u32 = 16384;
const DEPTHS: [u16; 5] = [1, 2, 4, 8, 16];
/// What a notification costs whose device is a program on the host, in `exit`.
const EXIT: Duration = Duration::from_micros(5);

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(format!("round_trip/{name}"));
    // Each page goes into the balloon and out of it.
    group.throughput(Throughput::Elements(u64::from(PAGES) * 2));
    group
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>, setting: Setting, exit: Duration) {
    let mut ours: Ours = Ours::new(setting, PAGES);
    ours.device.set_exit(exit);
    group.bench_function(BenchmarkId::new(setting.format.to_string(), setting.depth), |bencher| {
        bencher.iter(|| {
            ours.inflate(PAGES);
            ours.deflate();
        });
    });
}

fn peer(group: &mut BenchmarkGroup<'_, WallTime>, lie: Lie, exit: Duration) {
    let mut peer = Peer::new(lie, PAGES);
    peer.device().set_exit(exit);
    group.bench_function(BenchmarkId::new("virtio-drivers", 1), |bencher| {
        bencher.iter(|| {
            peer.inflate(PAGES);
            peer.deflate();
        });
    });
}

fn round_trip(criterion: &mut Criterion) {
    for lie in [Lie::Runs, Lie::Scattered] {
        let mut group = group(criterion, &lie.to_string());
        for format in [Format::Split, Format::Packed] {
            for depth in DEPTHS {
                ours(&mut group, Setting { format, depth, lie }, Duration::ZERO);
            }
        }
        peer(&mut group, lie, Duration::ZERO);
    }
}

fn exit(criterion: &mut Criterion) {
    let mut group = group(criterion, "exit");
    for depth in DEPTHS {
        ours(&mut group, Setting { format: Format::Split, depth, lie: Lie::Runs }, EXIT);
    }
    peer(&mut group, Lie::Runs, EXIT);
}

fn device(criterion: &mut Criterion) {
    let mut group = group(criterion, "device");
    for depth in DEPTHS {
        let mut bare = Bare::new();
        group.bench_function(BenchmarkId::from_parameter(depth), |bencher| {
            bencher.iter(|| {
                for _ in 0..PAGES * 2 / ENTRIES as u32 / u32::from(depth) {
                    bare.publish(depth);
                }
            });
        });
    }
}

criterion_group!(benches, round_trip, exit, device);
criterion_main!(benches);
