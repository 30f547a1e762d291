//! Metrics that need no tool: memory, notifications and interrupts.

use std::collections::BTreeMap;

use aerostat_balloon::{Balloon, Options, Ready, Size4KiB, features};
use aerostat_transport::{Mmio, MmioRegion, Numbering, Spin};

use crate::device::{AckDevice, Traffic};
use crate::ours::{Config, Format, Ours};
use crate::platform::{FrameOrder, Kernel};

/// Number of pages in 1 GiB.
const GIB: u32 = 1 << 18;

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
    memory(&mut facts);
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

/// Adds the memory of a balloon with every feature, for a kernel with 1 GiB.
fn memory(facts: &mut BTreeMap<String, f64>) {
    let bus = Mmio::new(AckDevice::new()).map_err(|(_, error)| error).expect("the register file is valid");
    let kernel = Kernel::<Size4KiB>::new(GIB, FrameOrder::Runs);
    let balloon =
        Balloon::new(bus, kernel, Options::new(All).numbering(Numbering::Specification)).expect("out of memory");
    let balloon = balloon.probe(&mut Spin::default()).expect("the device follows the protocol");
    let kernel = balloon.platform();
    let bits = |frames: u64| frames.div_ceil(64) as usize * size_of::<u64>();
    // One bit for each frame, each 2 MiB block and each 4 MiB block.
    let bitmaps = bits(GIB.into()) + bits((1 << 30) / (2 << 20)) + bits((1 << 30) / (4 << 20));
    // The state of the driver, without the part that belongs to the kernel.
    let state = kernel.private_bytes() - bitmaps - size_of::<Kernel>();
    for (name, bytes) in [
        ("balloon", size_of::<Balloon<Ready<Mmio<MmioRegion>, Kernel, All>>>()),
        ("state", state),
        ("shared", kernel.shared_bytes()),
        ("bitmaps for a GiB", bitmaps),
    ] {
        facts.insert(format!("bytes of memory/{name}"), bytes as f64);
    }
}
