//! A balloon on the in-process device, for tests.
#![allow(dead_code, reason = "each test binary uses its part of this module")]

use aerostat_balloon::transport::{Either, LegacyMmio, Mmio, Spin};
use aerostat_balloon::{Balloon, FrameSize, MustTellHost, Ready, Step, features};
use aerostat_device::{BalloonDevice, Builder, Ledger, Registers, TestPlatform};
use std::ops::ControlFlow;

/// Through whichever interface the device has.
pub(crate) type Bus = Either<Mmio<Registers>, LegacyMmio<Registers>>;
pub(crate) type Told = features! { MustTellHost: Required };
pub(crate) type Live<S> = Balloon<Ready<Bus, TestPlatform<S>, Told>>;

/// The transport to a device.
pub(crate) fn bus(device: &BalloonDevice) -> Bus {
    Mmio::either(device.registers()).map_err(|(_, error)| error).expect("the device is there")
}

/// A live balloon on the device that `builder` describes, and the device and book that watch it.
pub(crate) fn live<S: FrameSize>(builder: Builder) -> (Live<S>, BalloonDevice, Ledger) {
    let device = builder.start().expect("the device starts");
    let platform = TestPlatform::<S>::of(&device).expect("there is memory");
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform).require(MustTellHost).probe();
    (balloon.map_err(|failed| failed.error).expect("the balloon comes to life"), device, ledger)
}

/// Steps until the balloon has nothing to do, for a device that answers within the call.
pub(crate) fn settle<S: FrameSize>(balloon: &mut Live<S>) -> Step {
    for _ in 0..100_000 {
        match balloon.service().expect("the device is honest") {
            Step::Waiting => {}
            step => return step,
        }
    }
    panic!("the balloon does not settle");
}

/// Waits by spinning, for tests with a device on its own thread.
pub(crate) fn spin() -> Spin {
    Spin { limit: 1 << 28 }
}

/// Gives up at once.
pub(crate) fn impatient(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}

/// Nobody broke a rule.
pub(crate) fn assert_clean(device: &BalloonDevice, ledger: &Ledger) {
    assert_eq!(device.violations(), [], "the driver broke rules of the device");
    assert_eq!(ledger.violations(), [], "the driver broke rules of the kernel");
}

/// Nobody broke a rule, and everything that was lent is back.
pub(crate) fn assert_settled(device: &BalloonDevice, ledger: &Ledger) {
    assert_clean(device, ledger);
    assert!(
        ledger.is_settled(),
        "frames {:?}, dma {}, tracking {}",
        ledger.lent_frames(),
        ledger.lent_dma(),
        ledger.lent_private()
    );
}
