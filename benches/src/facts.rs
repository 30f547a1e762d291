//! Metrics that need no tool: memory, notifications and interrupts.

use std::collections::BTreeMap;

use aerostat_balloon::{Balloon, BalloonFeatureSet, Options, Platform, Ready, Size4KiB, features};
use aerostat_transport::{Mmio, MmioRegion, Numbering, Spin, Transport};

use crate::device::{AckDevice, Traffic};
use crate::ours::{Config, Format, Ours};
use crate::platform::{FrameOrder, Kernel};

/// Number of pages in 1 GiB.
pub const GIB: u32 = 1 << 18;

features! {
    /// Every feature of the balloon, and packed rings.
    pub struct All {
        RingPacked: Required, EventIdx: Required, MustTellHost: Required, StatsVq: Required, DeflateOnOom: Required,
        FreePageHint: Required, PagePoison: Required, PageReporting: Required
    }
}

/// Returns the metrics by name.
///
/// # Panics
///
/// If the balloon fails, which is a bug of the device.
pub fn facts() -> BTreeMap<String, f64> {
    let mut facts = BTreeMap::new();
    // Also one bit for each block of 2 MiB and of 4 MiB.
    memory(&mut facts, "bytes of memory", All, &[(1 << 30) / (2 << 20), (1 << 30) / (4 << 20)]);
    for format in [Format::Split, Format::Packed] {
        let mut ours: Ours = Ours::new(Config { format, max_in_flight: 16, order: FrameOrder::Runs }, GIB);
        let start = ours.device.traffic();
        ours.inflate(GIB);
        let middle = ours.device.traffic();
        ours.deflate();
        traffic(&mut facts, format, "inflate", start, middle);
        traffic(&mut facts, format, "deflate", middle, ours.device.traffic());
    }
    facts
}

/// Adds the difference of two traffic counts.
fn traffic(facts: &mut BTreeMap<String, f64>, format: Format, way: &str, from: Traffic, to: Traffic) {
    let mut add = |what, count: u64| facts.insert(format!("{what} per GiB/{format}/{way}"), count as f64);
    add("notifications", to.notifications - from.notifications);
    add("interrupts", to.interrupts - from.interrupts);
}

/// Creates and probes a balloon.
///
/// # Panics
///
/// If it fails, which is a bug of the device.
pub fn probe<T: Transport, F: BalloonFeatureSet>(bus: T, kernel: Kernel, features: F) -> Balloon<Ready<T, Kernel, F>>
where
    Kernel: Platform<F>,
{
    let options = Options::new(features).numbering(Numbering::Specification);
    let balloon = Balloon::new(bus, kernel, options).expect("out of memory");
    balloon.probe(&mut Spin::default()).expect("the device follows the protocol")
}

/// Adds the memory of a balloon, for a kernel with 1 GiB. `block_bits` are the numbers of bits for blocks.
///
/// # Panics
///
/// If the balloon fails, which is a bug of the device.
pub fn memory<F: BalloonFeatureSet>(facts: &mut BTreeMap<String, f64>, name: &str, features: F, block_bits: &[u64])
where
    Kernel: Platform<F>,
{
    let bus = Mmio::new(AckDevice::new()).map_err(|(_, error)| error).expect("the register file is valid");
    let balloon = probe(bus, Kernel::<Size4KiB>::new(GIB, FrameOrder::Runs), features);
    let kernel = balloon.platform();
    let bytes = |bits: u64| bits.div_ceil(64) as usize * size_of::<u64>();
    let bitmaps = bytes(GIB.into()) + block_bits.iter().map(|&bits| bytes(bits)).sum::<usize>();
    // The state of the driver, without the part that belongs to the kernel.
    let state = kernel.private_bytes() - bitmaps - size_of::<Kernel>();
    for (what, bytes) in [
        ("balloon", size_of::<Balloon<Ready<Mmio<MmioRegion>, Kernel, F>>>()),
        ("state", state),
        ("shared", kernel.shared_bytes()),
        ("bitmaps for a GiB", bitmaps),
    ] {
        facts.insert(format!("{name}/{what}"), bytes as f64);
    }
}
