//! Devices that do not take the poison value.

use std::cell::Cell;
use std::rc::Rc;

use aerostat_balloon::transport::{Mmio, Numbering};
use aerostat_balloon::{Balloon, NoFeatures, Options, ProbeError, Size4KiB};
use aerostat_device::{BalloonDevice, Event, Quirk, TestPlatform, features};

use crate::common::registers::{Observe, Observed};
use crate::common::{assert_all_returned, bus, polls, probe, start};
use crate::{ALL, PoisonRequired, Poisoned, builder};

/// A device that does not take the poison value would discard reported pages, whose contents the kernel relies on.
#[test]
fn a_poison_value_that_the_device_does_not_take_is_not_negotiated() {
    let offers = ALL | features::PAGE_POISON;
    let quirky = || BalloonDevice::builder().memory(16 << 20).features(offers).quirk(Quirk::RefusesPoison).inline();
    let (mut balloon, device, ledger) =
        start(quirky(), Options::new(Poisoned).poison_value(0xa5a5_a5a5).numbering(Numbering::Specification));
    assert!(!balloon.accepted().unwrap().has(aerostat_balloon::feature::PagePoison));
    // The contents of free memory are undefined, so that reporting works without.
    assert!(balloon.service_reporting().unwrap().is_some());
    drop(balloon);
    assert_all_returned(&device, &ledger);

    let device = quirky().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(PoisonRequired).poison_value(7)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::PoisonRejected { written: 7, read: 0 });
    drop(failed.balloon);
    assert_all_returned(&device, &ledger);
}

/// The error is that of the poison value, not that of the reset after it.
#[test]
fn a_required_poison_value_is_rejected_by_a_device_that_cannot_be_reset() {
    let quirky = BalloonDevice::builder().memory(16 << 20).features(ALL | features::PAGE_POISON);
    let device = quirky.quirk(Quirk::RefusesPoison).quirk(Quirk::CannotReset).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus(&device), platform, Options::new(PoisonRequired).poison_value(7)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::PoisonRejected { written: 7, read: 0 });
}

/// What the driver reads from `poison_val`, and how many times: the device of another host, or one that is gone for a moment.
#[derive(Clone)]
struct Reads(Rc<Cell<(u32, u32)>>);

/// The register of `poison_val`.
const POISON_VAL: usize = 0x10c;

impl Observe for Reads {
    fn read(&self, offset: usize, value: u32) -> u32 {
        match self.0.get() {
            (other, times @ 1..) if offset == POISON_VAL => {
                self.0.set((other, times - 1));
                other
            }
            _ => value,
        }
    }
}

/// All registers of a device that is gone read as ones. Another device may be in its place at the next attempt.
#[test]
fn a_required_poison_value_that_reads_as_ones_is_rejected_at_the_second_attempt() {
    let modern = || BalloonDevice::builder().memory(16 << 20).features(ALL | features::PAGE_POISON).inline();
    for builder in [modern(), modern().legacy()] {
        let device = builder.start().unwrap();
        let reads = Reads(Rc::default());
        let probe = |times| {
            reads.0.set((u32::MAX, times));
            let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
            let registers = Observed(device.registers(), reads.clone());
            let bus = Mmio::either(registers).map_err(|(_, error)| error).unwrap();
            let options = Options::new(PoisonRequired).poison_value(7).numbering(Numbering::Specification);
            let balloon = Balloon::new(bus, platform, options).unwrap();
            balloon.probe(&mut polls()).map(drop).map_err(|failed| failed.error)
        };
        assert_eq!(probe(1), Ok(()));
        assert_eq!(probe(2), Err(ProbeError::PoisonRejected { written: 7, read: u32::MAX }));
    }
}

/// A machine that is resumed on another host starts with what that host supports.
#[test]
fn a_restore_forgets_what_the_device_of_another_host_rejected() {
    let device = BalloonDevice::builder().memory(16 << 20).features(ALL | features::PAGE_POISON).inline();
    let device = device.start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let reads = Reads(Rc::new(Cell::new((0, u32::MAX))));
    let bus = Mmio::new(Observed(device.registers(), reads.clone())).map_err(|(_, error)| error).unwrap();
    let options = Options::new(Poisoned).poison_value(7).numbering(Numbering::Specification);
    let mut balloon = Balloon::new(bus, platform, options).unwrap().probe(&mut polls()).map_err(|f| f.error).unwrap();
    for takes in [false, true, false, true] {
        reads.0.set((0, if takes { 0 } else { u32::MAX }));
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        let accepted = balloon.accepted().unwrap();
        assert_eq!(accepted.has(aerostat_balloon::feature::PagePoison), takes);
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);

    // The next host may not need all of its queues, and some accept no unused ones.
    let device = builder().quirk(Quirk::NeedsAllQueues).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = probe(&device, platform, Options::new(NoFeatures));
    for _ in 0..2 {
        device.clear_events();
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
        assert!(device.events().contains(&Event::NeedsReset), "the first attempt sets up two queues");
    }
}
