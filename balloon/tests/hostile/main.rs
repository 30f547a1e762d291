//! What a balloon does on a device that breaks the rules: each way of [`aerostat_device::Misbehave`], while the balloon
//! inflates, deflates, freezes, or is dropped.
//!
//! Whatever the device does, the driver answers with an error that says what, keeps every frame that the device may
//! still use, and gives all of them back after a reset.

#[path = "../common/mod.rs"]
mod common;
mod deflating;
mod inflating;
mod lies;
mod registers;
mod resets;
mod rings;

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, FrameEvent, Ledger};

use crate::common::{Live, assert_settled, impatient, live};

/// Number of the inflate queue.
const INFLATE: u16 = 0;
/// Number of the deflate queue.
const DEFLATE: u16 = 1;
/// A target that takes two arrays, of 256 and of 44 entries.
const TARGET: u32 = 300;

/// A balloon on its device, and the book of its frames.
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

    /// A balloon that holds [`TARGET`] frames of a device that has kept the rules so far.
    fn inflated(builder: Builder) -> Self {
        let mut rig = Self::new(builder);
        rig.device.set_target(TARGET);
        rig.settle();
        assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
        rig
    }

    /// Steps, and lets the device work, until the balloon has nothing to do.
    fn settle(&mut self) {
        for _ in 0..1000 {
            match self.balloon.service().expect("the device is honest") {
                Step::Waiting => self.device.settle(std::time::Duration::from_secs(10)).unwrap(),
                Step::OnTarget => return,
                step => panic!("{step:?}"),
            }
        }
        panic!("the balloon does not settle");
    }

    /// Steps until the balloon reports an error, which has to come soon.
    fn error(&mut self) -> BalloonError {
        for _ in 0..100 {
            if let Err(error) = self.balloon.service() {
                return error;
            }
        }
        panic!("no error was noticed");
    }

    /// Resets the device, which answers that, and gets everything back; then the balloon can start anew.
    fn recover(self, case: &str) {
        let Self { balloon, device, ledger } = self;
        device.behave();
        let frozen = balloon.abandon().map_err(|live| live.error).expect(case);
        assert_settled(&device, &ledger);
        let balloon = frozen.restore().map_err(|failed| failed.error).expect(case);
        let mut rig = Self { balloon, device, ledger };
        rig.device.set_target(TARGET / 2);
        rig.settle();
        assert_eq!((rig.device.actual(), rig.device.host_page_count()), (TARGET / 2, TARGET as usize / 2), "{case}");
        drop(rig.balloon);
        assert_settled(&rig.device, &rig.ledger);
    }

    /// Every way to go on reports the same error, and no frame moves.
    fn assert_stuck(&mut self, error: BalloonError, case: &str) {
        let before = self.ledger.events();
        for _ in 0..3 {
            assert_eq!(self.balloon.service(), Err(error), "{case}: service");
            assert_eq!(self.balloon.drain(), Err(error), "{case}: drain");
        }
        let inflated = self.balloon.inflate(5).and_then(|inflation| inflation.wait(&mut impatient));
        assert_eq!(inflated, Err(error), "{case}: inflate");
        let deflated = self.balloon.deflate(5).and_then(|deflated| deflated.tell_host().wait(&mut impatient));
        assert_eq!(deflated, Err(error), "{case}: deflate");
        assert_eq!(self.ledger.events(), before, "{case}: no frame moves");
    }
}

/// The error of a device that broke the protocol.
fn broken(error: DeviceError) -> BalloonError {
    BalloonError::Device(error)
}

/// How many frames came back to the kernel.
fn taken_back(ledger: &Ledger) -> u32 {
    let count = |event: &FrameEvent| if let FrameEvent::TakenBack { count, .. } = event { *count } else { 0 };
    ledger.events().iter().map(count).sum()
}
