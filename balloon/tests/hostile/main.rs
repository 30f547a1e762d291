//! A balloon on a device that breaks the protocol: each fault of [`aerostat_device::Fault`], while the balloon
//! inflates, deflates, freezes, or is dropped.
//!
//! In every case the driver returns an error that names the cause, keeps every frame that the device may still use, and
//! returns all frames after a reset.

#[path = "../common/mod.rs"]
mod common;
mod deflating;
mod faults;
mod inflating;
mod registers;
mod resets;
mod rings;

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, FrameEvent, Ledger};

use crate::common::{Live, assert_all_returned, assert_reset, live, no_wait};

/// Number of the inflate queue.
const INFLATE: u16 = 0;
/// Number of the deflate queue.
const DEFLATE: u16 = 1;
/// A target that needs two arrays, of 256 and of 44 entries.
const TARGET: u32 = 300;

/// A balloon, its device, and the ledger of its kernel.
struct Rig {
    balloon: Live<Size4KiB>,
    device: BalloonDevice,
    ledger: Ledger,
}

impl Rig {
    fn new(builder: Builder) -> Self {
        let (balloon, device, ledger) = live(builder.memory(16 << 20));
        Self { balloon, device, ledger }
    }

    /// Returns a balloon of [`TARGET`] frames. Its device has followed the protocol so far.
    fn inflated(builder: Builder) -> Self {
        let mut rig = Self::new(builder);
        rig.device.set_target(TARGET);
        rig.settle();
        assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
        rig
    }

    /// Calls `service`, and lets the device work, until the balloon is on its target.
    fn settle(&mut self) {
        for _ in 0..1000 {
            match self.balloon.service().expect("the device follows the protocol") {
                Step::Waiting => self.device.settle(std::time::Duration::from_secs(10)).unwrap(),
                Step::OnTarget => return,
                step => panic!("{step:?}"),
            }
        }
        panic!("the balloon still waits for the device");
    }

    /// Calls `service` until it returns an error.
    fn error(&mut self) -> BalloonError {
        for _ in 0..100 {
            if let Err(error) = self.balloon.service() {
                return error;
            }
        }
        panic!("the fault was not noticed");
    }

    /// Abandons the balloon on a device that follows the protocol again. Everything is returned, and the balloon can be used
    /// again.
    fn recover(self, case: &str) {
        let Self { mut balloon, device, ledger } = self;
        device.clear_faults();
        balloon.abandon(&mut crate::common::polls()).expect(case);
        assert_reset(&device, &ledger);
        assert_eq!(balloon.service(), Err(BalloonError::NotLive), "{case}");
        let frozen = balloon.freeze(&mut no_wait).map_err(|live| live.error).expect(case);
        let balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).expect(case);
        let mut rig = Self { balloon, device, ledger };
        rig.device.set_target(TARGET / 2);
        rig.settle();
        assert_eq!((rig.device.actual(), rig.device.host_page_count()), (TARGET / 2, TARGET as usize / 2), "{case}");
        drop(rig.balloon);
        assert_all_returned(&rig.device, &rig.ledger);
    }

    /// Asserts that every operation returns the same error, and that no frame moves.
    fn assert_unusable(&mut self, error: BalloonError, case: &str) {
        let before = self.ledger.events();
        for _ in 0..3 {
            assert_eq!(self.balloon.service(), Err(error), "{case}: service");
            assert_eq!(self.balloon.drain(), Err(error), "{case}: drain");
        }
        let inflated = self.balloon.inflate(5).and_then(|inflation| inflation.wait(&mut no_wait));
        assert_eq!(inflated, Err(error), "{case}: inflate");
        let deflated = self.balloon.deflate(5).and_then(|deflated| deflated.tell_host().wait(&mut no_wait));
        assert_eq!(deflated, Err(error), "{case}: deflate");
        assert_eq!(self.ledger.events(), before, "{case}: no frame moves");
    }
}

/// Converts the error of a device that broke the protocol.
fn broken(error: DeviceError) -> BalloonError {
    BalloonError::Device(error)
}

/// Returns how many frames the kernel got back.
fn returned(ledger: &Ledger) -> u32 {
    let count = |event: &FrameEvent| if let FrameEvent::Deallocated { count, .. } = event { *count } else { 0 };
    ledger.events().iter().map(count).sum()
}
