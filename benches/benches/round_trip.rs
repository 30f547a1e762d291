//! Whole inflations and deflations on a device that acknowledges at once, by who drives it, over which rings, how the
//! kernel's frames lie, and how many arrays are with the device at a time.
//!
//! In `thread` the device has a thread of its own, which has to be woken; `device` is the device alone, which is a part of all
//! but those.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use aerostat_benches::{AckDevice, Bare, ENTRIES, Format, Lie, Ours, Peer, Setting};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Pages of a round trip: 64 MiB.
const PAGES: u32 = 16384;
const DEPTHS: [u16; 5] = [1, 2, 4, 8, 16];

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(format!("round_trip/{name}"));
    // Each page goes into the balloon and out of it.
    group.throughput(Throughput::Elements(u64::from(PAGES) * 2));
    group
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>, device: AckDevice, setting: Setting) {
    let mut ours: Ours = Ours::on(device, setting, PAGES);
    group.bench_function(BenchmarkId::new(setting.format.to_string(), setting.depth), |bencher| {
        bencher.iter(|| {
            ours.inflate(PAGES);
            ours.deflate();
        });
    });
}

fn peer(group: &mut BenchmarkGroup<'_, WallTime>, device: AckDevice, lie: Lie) {
    let mut peer = Peer::on(device, lie, PAGES);
    group.bench_function(BenchmarkId::new("virtio-drivers", 1), |bencher| {
        bencher.iter(|| {
            peer.inflate(PAGES);
            peer.deflate();
        });
    });
}

/// Both drivers on a device of their own each.
fn drivers(criterion: &mut Criterion, name: &str, lie: Lie, device: fn() -> AckDevice) {
    let mut group = group(criterion, name);
    for format in [Format::Split, Format::Packed] {
        for depth in DEPTHS {
            ours(&mut group, device(), Setting { format, depth, lie });
        }
    }
    peer(&mut group, device(), lie);
}

fn round_trip(criterion: &mut Criterion) {
    for lie in [Lie::Runs, Lie::Scattered] {
        drivers(criterion, &lie.to_string(), lie, AckDevice::new);
    }
}

fn thread(criterion: &mut Criterion) {
    for lie in [Lie::Runs, Lie::Scattered] {
        drivers(criterion, &format!("thread/{lie}"), lie, AckDevice::in_thread);
    }
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

criterion_group!(benches, round_trip, thread, device);
criterion_main!(benches);
