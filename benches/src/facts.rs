//! What can be counted without a tool: memory, and what passes between driver and device.

use std::collections::BTreeMap;

use aerostat_balloon::{
    Balloon, DeflateOnOom, EventIdx, FreePageHint, MustTellHost, PagePoison, PageReporting, Ready, RingPacked,
    Size4KiB, StatsVq, features,
};
use aerostat_transport::{Mmio, MmioRegion};

use crate::device::{AckDevice, Traffic};
use crate::ours::{Format, Ours, Setting};
use crate::platform::{Kernel, Lie};

/// Pages of a GiB.
const GIB: u32 = 1 << 18;

type All = features! {
    RingPacked: Required, EventIdx: Required, MustTellHost: Required, StatsVq: Required, DeflateOnOom: Required,
    FreePageHint: Required, PagePoison: Required, PageReporting: Required
};

/// Each number by its name.
///
/// # Panics
///
/// When the balloon does not work.
pub fn facts() -> BTreeMap<String, f64> {
    let mut facts = BTreeMap::new();
    memory(&mut facts);
    for format in [Format::Split, Format::Packed] {
        let mut ours: Ours = Ours::new(Setting { format, depth: 16, lie: Lie::Runs }, GIB);
        let start = ours.device.traffic();
        ours.inflate(GIB);
        let middle = ours.device.traffic();
        ours.deflate();
        traffic(&mut facts, format, "inflate", start, middle);
        traffic(&mut facts, format, "deflate", middle, ours.device.traffic());
    }
    facts
}

fn traffic(facts: &mut BTreeMap<String, f64>, format: Format, way: &str, from: Traffic, to: Traffic) {
    let mut enter = |what, count: u64| facts.insert(format!("{what} per GiB/{format}/{way}"), count as f64);
    enter("notifications", to.notifications - from.notifications);
    enter("interrupts", to.interrupts - from.interrupts);
}

/// The memory of a balloon with every feature, for a kernel of 1 GiB.
fn memory(facts: &mut BTreeMap<String, f64>) {
    let bus = Mmio::new(AckDevice::new()).map_err(|(_, error)| error).expect("the device is there");
    let balloon = Balloon::new(bus, Kernel::<Size4KiB>::new(GIB, Lie::Runs));
    let balloon = balloon.require(RingPacked).require(EventIdx).require(MustTellHost).require(StatsVq);
    let balloon = balloon.require(DeflateOnOom::default()).require(FreePageHint::default());
    let balloon = balloon.require(PagePoison(0)).require(PageReporting::default()).probe();
    let balloon: Balloon<Ready<_, _, All>> = balloon.map_err(|failed| failed.error).expect("the device is honest");
    let kernel = balloon.platform();
    // The kernel's own part is its own.
    let ready = size_of::<Ready<Mmio<MmioRegion>, Kernel, All>>() - size_of::<Kernel>();
    for (name, bytes) in
        [("balloon", ready), ("shared", kernel.shared_bytes()), ("books for a GiB", kernel.private_bytes())]
    {
        facts.insert(format!("bytes of memory/{name}"), bytes as f64);
    }
}
