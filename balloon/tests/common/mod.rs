//! A balloon on the in-process device, for tests.
#![allow(dead_code, reason = "each test binary uses its part of this module")]

pub(crate) mod changed;
pub(crate) mod kernel;
pub(crate) mod registers;

use std::ops::ControlFlow;

use aerostat_balloon::transport::{Either, LegacyMmio, Mmio, Spin};
use aerostat_balloon::{
    Balloon, BalloonFeatureSet, FrameSize, LiveState, Options, Platform, Ready, Size4KiB, Step, features,
};
use aerostat_device::{BalloonDevice, Builder, Ledger, Registers, TestPlatform};

/// A transport for the interface that the device has.
pub(crate) type Bus = Either<Mmio<Registers>, LegacyMmio<Registers>>;

features! {
    pub(crate) struct TellHost { MustTellHost: Required }
}

/// A live balloon on the test platform.
pub(crate) type Live<S, F = TellHost> = Balloon<Ready<Bus, TestPlatform<S>, F>>;

/// Returns the transport of a device.
pub(crate) fn bus(device: &BalloonDevice) -> Bus {
    Mmio::either(device.registers()).map_err(|(_, error)| error).expect("the registers are those of a balloon")
}

/// Probes a balloon, which must succeed.
pub(crate) fn probe<P: Platform<F>, F: BalloonFeatureSet>(
    device: &BalloonDevice,
    platform: P,
    options: Options<F>,
) -> Balloon<Ready<Bus, P, F>> {
    let balloon = Balloon::new(bus(device), platform, options).map_err(|failed| failed.error).expect("private memory");
    balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).expect("the probe succeeds")
}

/// Starts the device of `builder` and probes a balloon with frames of 4 KiB. The kernel has one statistic.
pub(crate) fn start<F: BalloonFeatureSet>(
    builder: Builder,
    options: Options<F>,
) -> (Live<Size4KiB, F>, BalloonDevice, Ledger)
where
    TestPlatform: Platform<F>,
{
    start_sized(builder, options)
}

/// As [`start`], with frames of any size.
pub(crate) fn start_sized<S: FrameSize, F: BalloonFeatureSet>(
    builder: Builder,
    options: Options<F>,
) -> (Live<S, F>, BalloonDevice, Ledger)
where
    TestPlatform<S>: Platform<F>,
{
    let device = builder.start().expect("the device starts");
    let platform = TestPlatform::<S>::of(&device).expect("guest memory is large enough");
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1)]);
    (probe(&device, platform, options), device, ledger)
}

/// Starts the device of `builder` and probes a balloon that requires MUST_TELL_HOST.
pub(crate) fn live<S: FrameSize>(builder: Builder) -> (Live<S>, BalloonDevice, Ledger) {
    start_sized(builder, Options::new(TellHost))
}

/// Calls `service` until it does not return `Waiting`, for a device that answers within the call.
pub(crate) fn settle<B: LiveState>(balloon: &mut Balloon<B>) -> Step {
    for _ in 0..100_000 {
        match balloon.service().expect("the device follows the protocol") {
            Step::Waiting => {}
            step => return step,
        }
    }
    panic!("the balloon still waits for the device");
}

/// Waits by spinning, for tests with a device on its own thread.
pub(crate) fn spin() -> Spin {
    Spin { limit: 1 << 28 }
}

/// Waits for the reset of a device that answers within the call, and gives up soon.
pub(crate) fn polls() -> Spin {
    Spin { limit: 10_000 }
}

/// A `Wait` that never waits.
pub(crate) fn no_wait(_attempt: u32) -> ControlFlow<()> {
    ControlFlow::Break(())
}

/// Asserts that the driver broke no rule of the device and no rule of the kernel.
pub(crate) fn assert_clean(device: &BalloonDevice, ledger: &Ledger) {
    assert_eq!(device.violations(), [], "the driver broke rules of the device");
    assert_eq!(ledger.violations(), [], "the driver broke rules of the kernel");
}

/// Asserts that the driver broke no rule and returned everything.
pub(crate) fn assert_all_returned(device: &BalloonDevice, ledger: &Ledger) {
    assert_reset(device, ledger);
    assert_eq!(ledger.allocated_private(), 0, "private memory was not returned");
}

/// Asserts that the driver broke no rule and returned everything except private memory, which a balloon keeps until it is
/// dropped or taken apart.
pub(crate) fn assert_reset(device: &BalloonDevice, ledger: &Ledger) {
    assert_clean(device, ledger);
    assert!(
        ledger.all_returned_except_private(),
        "not returned: frames {:?}, {} DMA regions",
        ledger.allocated_frames(),
        ledger.allocated_dma()
    );
}
