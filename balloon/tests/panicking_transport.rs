//! A transport whose register access panics, against its contract: the balloon loses memory, and does nothing undefined.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use aerostat_balloon::transport::{DmaDomain, Io, Mmio};
use aerostat_balloon::{Balloon, BalloonError, Options, Size4KiB};
use aerostat_device::{BalloonDevice, Registers, TestPlatform, features};
use common::{TellHost, settle, spin};

/// The status register of the MMIO transport.
const STATUS: usize = 0x70;

/// Registers whose next status write panics once the cell is set.
#[derive(Clone)]
struct Panicking(Registers, Rc<Cell<bool>>);

// SAFETY: every access that does not panic reaches the register at its offset.
unsafe impl Io for Panicking {
    fn domain(&self) -> DmaDomain {
        self.0.domain()
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn read8(&self, offset: usize) -> u8 {
        self.0.read8(offset)
    }

    fn read16(&self, offset: usize) -> u16 {
        self.0.read16(offset)
    }

    fn read32(&self, offset: usize) -> u32 {
        self.0.read32(offset)
    }

    fn write8(&self, offset: usize, value: u8) {
        self.0.write8(offset, value);
    }

    fn write16(&self, offset: usize, value: u16) {
        self.0.write16(offset, value);
    }

    fn write32(&self, offset: usize, value: u32) {
        assert!(offset != STATUS || !self.1.take(), "the test makes this access panic");
        self.0.write32(offset, value);
    }
}

#[test]
fn a_balloon_whose_transport_was_lost_in_a_panic_cannot_be_frozen_and_leaks_what_the_device_may_use() {
    let device = BalloonDevice::builder()
        .memory(16 << 20)
        .features(features::MUST_TELL_HOST | features::VERSION_1)
        .start()
        .unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let panics = Rc::new(Cell::new(false));
    let transport = Mmio::new(Panicking(device.registers(), Rc::clone(&panics))).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(TellHost)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    device.set_target(40);
    let _ = settle(&mut balloon);

    panics.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut crate::common::polls()))).is_err());

    assert_eq!(balloon.service(), Err(BalloonError::NotLive));
    assert_eq!(balloon.abandon(&mut crate::common::polls()), Err(BalloonError::TransportLost));
    let failed = balloon.freeze(&mut spin()).map(drop).unwrap_err();
    assert_eq!(failed.error, BalloonError::TransportLost);
    drop(failed);
    assert_eq!(ledger.allocated_frames().len(), 40);
    assert!(ledger.allocated_private() > 0);
    assert_eq!(ledger.violations(), [], "the driver broke rules of the kernel");
}
