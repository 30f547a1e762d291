//! A device whose registers lie, before and after it is live.

use aerostat_balloon::spec::NegotiateError;
use aerostat_balloon::transport::{ConfigError, DeviceError, InterruptSource, Mmio, MmioError, QueueError, SetupError};
use aerostat_balloon::{Balloon, BalloonError, MustTellHost, Pages, ProbeError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, Ledger, Misbehave, RegisterFault, TestPlatform};

use crate::common::{assert_clean, assert_settled, bus};
use crate::{Rig, TARGET, broken};

/// core.feature.9: what every device has to offer to a balloon that requires nothing else.
const LEAST_FEATURES: u64 = 1 << 32;

/// Probes a device that lies from the start. On an error everything has to be back, and the device has to be FAILED or
/// reset, so that it can be tried again once it tells the truth.
fn probe(fault: impl Into<Misbehave>) -> Result<(), ProbeError> {
    let fault = fault.into();
    let device = BalloonDevice::builder().misbehave(fault).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let probed = Balloon::new(bus(&device), platform).require(MustTellHost).probe();
    assert_clean(&device, &ledger);
    let failed = match probed {
        Ok(_) => return Ok(()),
        Err(failed) => failed,
    };
    let error = failed.error;
    assert_settled(&device, &ledger);
    device.behave();
    let wrong_device = matches!(error, ProbeError::Setup(SetupError::WrongDevice { .. }));
    assert!(wrong_device || [0, 0x80].contains(&(device.status() & 0x80)), "{fault:?}");
    assert_eq!(device.status() & 4, 0, "{fault:?}: the device is not live");
    let (transport, platform) = failed.balloon.into_parts();
    let again = Balloon::new(transport, platform).require(MustTellHost).probe();
    if !wrong_device {
        let balloon = again.map_err(|failed| failed.error).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        drop(balloon);
        assert_settled(&device, &ledger);
    }
    Err(error)
}

/// mmio.reg.8 to mmio.reg.11.
#[test]
fn what_is_no_balloon_is_refused_and_not_written_to() {
    for (fault, expected) in [
        (RegisterFault::MagicValue(0x7472_6975), MmioError::Magic { found: 0x7472_6975 }),
        (RegisterFault::MagicValue(u32::MAX), MmioError::Magic { found: u32::MAX }),
        (RegisterFault::Version(1), MmioError::Version { expected: 2, found: 1 }),
        (RegisterFault::Version(0x102), MmioError::Version { expected: 2, found: 0x102 }),
        (RegisterFault::DeviceId(0), MmioError::NoDevice),
    ] {
        let device = BalloonDevice::builder().misbehave(fault).inline().start().unwrap();
        let (_registers, error) = Mmio::new(device.registers()).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!((device.events(), device.violations()), (vec![], vec![]), "{fault:?}");
    }
}

#[test]
fn another_device_is_refused_and_not_written_to() {
    for id in [1, 13, 0x105, u32::MAX] {
        let error = probe(RegisterFault::DeviceId(id)).unwrap_err();
        let ProbeError::Setup(SetupError::WrongDevice { expected, found }) = error else { panic!("{error:?}") };
        assert_eq!((expected.0, found.0), (5, id));
    }
    let device = BalloonDevice::builder().misbehave(RegisterFault::DeviceId(1)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    assert!(Balloon::new(bus(&device), platform).probe().is_err());
    assert_eq!(device.events(), []);
}

/// core.feature.4, core.feature.12, core.reserved.2.
#[test]
fn features_without_sense_are_left_alone() {
    assert_eq!(probe(RegisterFault::Features(u64::MAX)), Ok(()));
    assert_eq!(probe(RegisterFault::Features(0)), Err(SetupError::LegacyOnly.into()));
    assert_eq!(probe(RegisterFault::Features(!(1 << 32))), Err(SetupError::LegacyOnly.into()));
    let error = probe(RegisterFault::Features(LEAST_FEATURES)).unwrap_err();
    assert!(
        matches!(error, ProbeError::Setup(SetupError::Negotiate(NegotiateError::NotOffered { bit: 0, .. }))),
        "{error:?}"
    );
}

/// core.feature.1, core.feature.5 to core.feature.8, core.reserved.1, ring.split.indirect.1.
#[test]
fn of_all_features_only_the_declared_ones_are_accepted() {
    let device = BalloonDevice::builder().misbehave(RegisterFault::Features(u64::MAX)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus(&device), platform).require(MustTellHost).probe();
    let mut balloon = balloon.map_err(|failed| failed.error).unwrap();
    assert_eq!(device.accepted_features(), 1 << 32 | 1);
    device.set_target(10);
    while balloon.service() != Ok(Step::OnTarget) {}
    assert_eq!((device.actual(), device.violations()), (10, vec![]));
}

/// core.init.9, core.init.12.
#[test]
fn features_that_the_device_drops_are_an_error() {
    let error = probe(RegisterFault::LosesFeaturesOk).unwrap_err();
    assert_eq!(error, ProbeError::Setup(SetupError::FeaturesRejected { accepted: 1 << 32 | 1 }));
}

/// core.reset.1: a reset is finished when the status reads 0.
#[test]
fn a_device_that_never_resets_is_given_up_on() {
    let device = BalloonDevice::builder().misbehave(RegisterFault::SlowReset(u32::MAX)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let failed = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap_err();
    assert_eq!(failed.error, ProbeError::Setup(SetupError::ResetUnfinished { status: 1 }));
    assert!(ledger.is_settled());
    assert_eq!(device.status() & 0x80, 0x80, "FAILED");
}

#[test]
fn a_reset_may_take_its_time() {
    assert_eq!(probe(RegisterFault::SlowReset(1000)), Ok(()));
}

/// mmio.vq-config.2, mmio.vq-config.3, mmio.reg.14, ring.split.layout.4 and .5.
#[test]
fn queue_sizes_without_sense_are_refused_or_cut() {
    assert_eq!(probe(RegisterFault::QueueSizeMax(0)), Err(QueueError::Missing { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(1)), Err(QueueError::InUse { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(2)), Err(QueueError::InUse { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(u32::MAX)), Err(QueueError::InUse { queue: 0 }.into()));
    for size in [1, 2, 3, 15, 16, 17, 255, 256, 32768, 32769, 65535, 65536, 0x10001, u32::MAX] {
        let mut rig =
            Rig::new(Builder::misbehave(BalloonDevice::builder().inline(), RegisterFault::QueueSizeMax(size)));
        for target in [3000, 100] {
            rig.device.set_target(target);
            rig.settle();
            assert_eq!(rig.device.host_page_count(), target as usize, "{size}");
        }
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&format!("size {size}"));
    }
}

/// core.config.3, core.config.7.
#[test]
fn a_configuration_that_never_settles_is_an_error() {
    let error = probe(RegisterFault::GenerationNeverSettles).unwrap_err();
    assert!(matches!(error, ProbeError::Config(ConfigError::Unstable { .. })), "{error:?}");
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::GenerationNeverSettles);
    let unstable = |error| matches!(error, BalloonError::Device(DeviceError::Config(ConfigError::Unstable { .. })));
    assert!(unstable(rig.balloon.service().unwrap_err()));
    assert!(unstable(rig.balloon.target().unwrap_err()));
    assert!(unstable(rig.balloon.inflate(1).map(drop).unwrap_err()));
    assert!(unstable(rig.balloon.deflate(1).map(drop).unwrap_err()));
    assert_eq!(rig.ledger.lent_frames().len(), TARGET as usize);
    rig.recover("generation");
}

#[test]
fn a_target_beyond_all_memory_takes_what_there_is() {
    for pages in [u32::MAX, u32::MAX - 1, 1 << 31] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        let frames = rig.ledger.free_frames();
        rig.device.misbehave(RegisterFault::NumPages(pages));
        let step = (0..1000).map(|_| rig.balloon.service().unwrap()).find(|step| *step != Step::Waiting);
        assert!(matches!(step, Some(Step::OutOfFrames { .. })), "{step:?}");
        assert_eq!((rig.ledger.free_frames(), rig.ledger.lent_frames().len()), (0, frames));
        assert_eq!((rig.balloon.target(), rig.balloon.size()), (Ok(Pages(pages)), Pages(frames as u32)));
        assert_clean(&rig.device, &rig.ledger);
        rig.recover("everything");
    }
}

#[test]
fn a_target_that_jumps_about_is_followed() {
    let mut rig = Rig::new(BalloonDevice::builder().manual());
    for round in 0..200_u32 {
        rig.device.misbehave(RegisterFault::NumPages(if round % 2 == 0 { u32::MAX } else { 0 }));
        rig.balloon.service().unwrap();
        rig.device.step();
        assert_clean(&rig.device, &rig.ledger);
    }
    rig.recover("jumps");
}

/// balloon.op.13: the driver's own count is written, whatever reads back.
#[test]
fn what_actual_reads_changes_nothing() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::Actual(u32::MAX));
    assert_eq!((rig.balloon.service(), rig.balloon.size()), (Ok(Step::OnTarget), Pages(TARGET)));
    rig.device.set_target(10);
    rig.settle();
    assert_eq!((rig.device.actual(), rig.balloon.size()), (10, Pages(10)));
    // A size that is left from an earlier driver is corrected.
    let mut rig = Rig::new(BalloonDevice::builder().misbehave(RegisterFault::Actual(77)).inline());
    rig.settle();
    assert_eq!((rig.device.actual(), rig.balloon.size()), (0, Pages(0)));
}

/// core.status.5, core.confchange.1: DEVICE_NEEDS_RESET is looked at in each step.
#[test]
fn a_device_that_needs_a_reset_is_noticed_at_once() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.needs_reset();
    rig.assert_stuck(broken(DeviceError::NeedsReset), "needs reset");
    rig.recover("needs reset");
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::StatusBits(0x40));
    rig.assert_stuck(broken(DeviceError::NeedsReset), "status bits");
    rig.recover("status bits");
}

/// Bits that the specification does not name (0x10 and 0x20) are nobody's business.
#[test]
fn undefined_status_bits_change_nothing_while_the_device_is_live() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.misbehave(RegisterFault::StatusBits(0xffff_ff30));
    rig.device.set_target(20);
    rig.settle();
    assert_eq!(rig.device.actual(), 20);
    assert_clean(&rig.device, &rig.ledger);
    rig.recover("undefined bits");
}

/// mmio.reg.18, mmio.reg.20, ring.split.used-notif.5.
#[test]
fn interrupts_for_nothing_are_acknowledged_and_forgotten() {
    for fault in [RegisterFault::InterruptBits(0xffff_fffc), RegisterFault::SpuriousInterrupts] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        rig.device.misbehave(fault);
        let interrupt = rig.balloon.interrupt();
        rig.device.interrupt_line().on_raise(move || {
            interrupt.acknowledge();
        });
        for target in [TARGET, 7] {
            rig.device.set_target(target);
            rig.settle();
        }
        assert_eq!(rig.device.actual(), 7, "{fault:?}");
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&format!("{fault:?}"));
    }
}

#[test]
fn an_interrupt_that_cannot_be_cleared_is_reported_for_what_it_says() {
    let rig = Rig::new(BalloonDevice::builder().inline());
    let interrupt = rig.balloon.interrupt();
    assert!(interrupt.acknowledge().is_none());
    rig.device.misbehave(RegisterFault::InterruptBits(3));
    for _ in 0..3 {
        let causes = interrupt.acknowledge();
        assert!(causes.used_buffers && causes.configuration);
    }
    assert_clean(&rig.device, &rig.ledger);
}

/// No memory for rings, buffers or the book, at each place where it is asked for.
#[test]
fn a_kernel_without_memory_gets_everything_back() {
    fn attempt(prepare: impl FnOnce(&Ledger)) -> (ProbeError, BalloonDevice, Ledger) {
        let device = BalloonDevice::builder().inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        prepare(&ledger);
        let failed = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap_err();
        (failed.error, device, ledger)
    }
    for allocation in 0..4 {
        let (error, device, ledger) = attempt(|ledger| ledger.fail_dma(Some(aerostat_device::When::At(allocation))));
        assert!(matches!(error, ProbeError::Queue(QueueError::NoMemory { .. })), "{allocation}: {error:?}");
        assert_settled(&device, &ledger);
        assert_eq!(device.status(), 0, "reset, since a queue may have been enabled");
    }
    let (error, device, ledger) = attempt(Ledger::fail_private);
    assert!(matches!(error, ProbeError::NoPrivateMemory { .. }), "{error:?}");
    assert_settled(&device, &ledger);
}
