//! Calls that do not wait do at most the number of register accesses that their documentation says.

mod common;

use std::cell::Cell;
use std::rc::Rc;

use aerostat_balloon::handles::StatsRequest;
use aerostat_balloon::transport::{InterruptStatus, Io, Mmio};
use aerostat_balloon::{Balloon, Options, Ready, Size4KiB, Step, features};
use aerostat_device::{BalloonDevice, Registers, TestPlatform, features as offered};

features! { struct Declared { StatsVq: Required, FreePageHint: Required, PageReporting: Required } }

type Live = Balloon<Ready<Mmio<Counting>, TestPlatform<Size4KiB>, Declared>>;

/// The register of the generation count of the configuration.
const GENERATION: usize = 0xfc;
/// Reads of the generation count that may differ so that the last of 64 attempts to read a field succeeds.
const CHANGES: u32 = 63;

/// The number of register accesses, and how often the generation count changes from now on.
#[derive(Default)]
struct Counts {
    accesses: Cell<u32>,
    changes: Cell<u32>,
}

/// Registers that count accesses.
#[derive(Clone)]
struct Counting(Registers, Rc<Counts>);

impl Counting {
    fn count(&self) -> &Registers {
        self.1.accesses.set(self.1.accesses.get() + 1);
        &self.0
    }
}

// SAFETY: every access reaches the register at its offset.
unsafe impl Io for Counting {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.count().read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.count().read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        let value = self.count().read32(offset);
        let left = self.1.changes.get();
        if offset != GENERATION || left == 0 {
            return value;
        }
        self.1.changes.set(left - 1);
        value.wrapping_add(left)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.count().write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.count().write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        self.count().write32(offset, value);
    }
}

/// Returns what `call` returns, and its number of register accesses while the generation count changes `changes` times.
fn count<R>(balloon: &mut Live, counts: &Counts, changes: u32, call: impl FnOnce(&mut Live) -> R) -> (R, u32) {
    counts.accesses.set(0);
    counts.changes.set(changes);
    let result = call(balloon);
    (result, counts.accesses.get())
}

fn live() -> (Live, BalloonDevice, Rc<Counts>) {
    let all = offered::STATS_VQ | offered::FREE_PAGE_HINT | offered::PAGE_REPORTING | offered::VERSION_1;
    let device = BalloonDevice::builder().features(all).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    platform.ledger().set_statistics([(4, 1 << 20)]);
    let counts = Rc::new(Counts::default());
    let transport = Mmio::new(Counting(device.registers(), Rc::clone(&counts))).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(Declared)).map_err(|failed| failed.error).unwrap();
    (balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap(), device, counts)
}

#[test]
fn a_step_toward_the_target() {
    let (mut balloon, device, counts) = live();
    device.set_target(12_000);
    let _ = balloon.service().unwrap();
    // The step writes `actual` after the first arrays, and sends more.
    let step = count(&mut balloon, &counts, 0, |balloon| balloon.service());
    assert_eq!(step, (Ok(Step::Waiting), 6));
    let step = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service());
    assert_eq!(step, (Ok(Step::Waiting), 132));
    let (step, accesses) = count(&mut balloon, &counts, u32::MAX, |balloon| balloon.service());
    assert!(step.is_err() && accesses <= 132, "{step:?} after {accesses} accesses");
    let _ = balloon.drain().unwrap();
    let step = count(&mut balloon, &counts, CHANGES, |balloon| balloon.drain());
    assert_eq!(step, (Ok(Step::Waiting), 3));
}

#[test]
fn a_step_of_statistics_reporting_and_hinting() {
    let (mut balloon, device, counts) = live();
    assert!(device.request_statistics());
    let answer = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service_statistics());
    assert_eq!(answer, (Ok(StatsRequest::Answered), 2));
    let (_, accesses) = count(&mut balloon, &counts, CHANGES, |balloon| balloon.service_reporting().unwrap());
    assert_eq!(accesses, 2);
    for (changes, expected) in [(0, 5), (CHANGES, 131)] {
        let _ = device.start_hinting();
        let hint = |balloon: &mut Live| balloon.service_hinting(InterruptStatus::ANY).unwrap();
        let (_, accesses) = count(&mut balloon, &counts, changes, hint);
        assert_eq!(accesses, expected);
    }
}
