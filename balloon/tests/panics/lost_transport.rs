//! A transport whose register access panics, against its contract: the balloon loses memory, and does nothing undefined.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use aerostat_balloon::transport::Mmio;
use aerostat_balloon::{Balloon, BalloonError, Options, Size4KiB};
use aerostat_device::{BalloonDevice, TestPlatform, features};

use crate::common::registers::{Observe, Observed};
use crate::common::{TellHost, settle, spin};

/// The status register of the MMIO transport.
const STATUS: usize = 0x70;

/// Whether the next status write panics.
#[derive(Clone, Default)]
struct Panics(Rc<Cell<bool>>);

impl Observe for Panics {
    fn access(&self, offset: usize, written: Option<u32>) {
        assert!(written.is_none() || offset != STATUS || !self.0.take(), "the test makes this access panic");
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
    let panics = Panics::default();
    let transport = Mmio::new(Observed(device.registers(), panics.clone())).map_err(|(_, error)| error).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(TellHost)).map_err(|failed| failed.error).unwrap();
    let mut balloon = balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    device.set_target(40);
    let _ = settle(&mut balloon);

    panics.0.set(true);
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
