//! Inflation and deflation on a device that completes buffers immediately, by driver, ring format, order of the frames, and
//! number of arrays in flight.
//!
//! In `thread` the device runs on its own thread, which each notification wakes. `device` is the cost of the device without a
//! driver, which is included in all other results except those of `thread`.
#![allow(missing_docs, reason = "the macros of criterion define public functions")]

use aerostat_benches::{AckDevice, Config, DeviceOnly, ENTRIES, Format, FrameOrder, Ours, Peer};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Pages of a round trip: 64 MiB.
const PAGES: u32 = 16384;
/// Maximum numbers of arrays in flight.
const MAX_IN_FLIGHT: [u16; 5] = [1, 2, 4, 8, 16];

fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(format!("round_trip/{name}"));
    // Each page enters the balloon and leaves it.
    group.throughput(Throughput::Elements(u64::from(PAGES) * 2));
    group
}

fn ours(group: &mut BenchmarkGroup<'_, WallTime>, device: AckDevice, config: Config) {
    let mut ours: Ours = Ours::on(device, config, PAGES);
    group.bench_function(BenchmarkId::new(config.format.to_string(), config.max_in_flight), |bencher| {
        bencher.iter(|| {
            ours.inflate(PAGES);
            ours.deflate();
        });
    });
}

fn peer(group: &mut BenchmarkGroup<'_, WallTime>, device: AckDevice, order: FrameOrder) {
    let mut peer = Peer::on(device, order, PAGES);
    group.bench_function(BenchmarkId::new("virtio-drivers", 1), |bencher| {
        bencher.iter(|| {
            peer.inflate(PAGES);
            peer.deflate();
        });
    });
}

/// Measures both drivers, each on its own device.
fn drivers(criterion: &mut Criterion, name: &str, order: FrameOrder, device: fn() -> AckDevice) {
    let mut group = group(criterion, name);
    for format in [Format::Split, Format::Packed] {
        for max_in_flight in MAX_IN_FLIGHT {
            ours(&mut group, device(), Config { format, max_in_flight, order });
        }
    }
    peer(&mut group, device(), order);
}

fn round_trip(criterion: &mut Criterion) {
    for order in [FrameOrder::Runs, FrameOrder::Scattered] {
        drivers(criterion, &order.to_string(), order, AckDevice::new);
    }
}

fn thread(criterion: &mut Criterion) {
    for order in [FrameOrder::Runs, FrameOrder::Scattered] {
        drivers(criterion, &format!("thread/{order}"), order, AckDevice::in_thread);
    }
}

fn device(criterion: &mut Criterion) {
    let mut group = group(criterion, "device");
    for max_in_flight in MAX_IN_FLIGHT {
        let mut device_only = DeviceOnly::new();
        group.bench_function(BenchmarkId::from_parameter(max_in_flight), |bencher| {
            bencher.iter(|| {
                for _ in 0..PAGES * 2 / ENTRIES as u32 / u32::from(max_in_flight) {
                    device_only.publish(max_in_flight);
                }
            });
        });
    }
}

criterion_group!(benches, round_trip, thread, device);
criterion_main!(benches);
