//! A device whose registers return wrong values, before and after it is live.

use aerostat_balloon::error::NewError;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::spec::NegotiateError;
use aerostat_balloon::transport::{ConfigError, DeviceError, InterruptSource, Mmio, MmioError, QueueError, SetupError};
use aerostat_balloon::{Balloon, BalloonError, NoFeatures, Options, Pages, ProbeError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, Event, Fault, RegisterFault, TestPlatform, When};

use crate::common::{TellHost, assert_all_returned, assert_clean, assert_reset, bus, settle};
use crate::{Rig, TARGET, broken};

/// The only feature that a device must offer to a balloon that requires no feature.
const MIN_FEATURES: u64 = 1 << 32;

/// Probes a device with a fault. After an error everything is returned, the device is FAILED or reset, and it can be probed
/// again when the fault is gone.
fn probe(fault: impl Into<Fault>) -> Result<(), ProbeError> {
    let fault = fault.into();
    let device = BalloonDevice::builder().inject(fault).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let probed =
        Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap().probe(&mut crate::common::polls());
    assert_clean(&device, &ledger);
    let failed = match probed {
        Ok(_) => return Ok(()),
        Err(failed) => failed,
    };
    let error = failed.error;
    assert_reset(&device, &ledger);
    device.clear_faults();
    let wrong_device = matches!(error, ProbeError::Setup(SetupError::WrongDevice { .. }));
    assert!(wrong_device || [0, 0x80].contains(&(device.status() & 0x80)), "{fault:?}");
    assert_eq!(device.status() & 4, 0, "{fault:?}: the device is not live");
    let again = failed.balloon.probe(&mut crate::common::polls());
    if !wrong_device {
        let balloon = again.map_err(|failed| failed.error).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        drop(balloon);
    } else {
        drop(again);
    }
    assert_all_returned(&device, &ledger);
    Err(error)
}

// conformance: mmio.reg.8, mmio.reg.9, mmio.reg.10, mmio.reg.11
#[test]
fn registers_of_no_balloon_are_rejected_and_not_written() {
    for (fault, expected) in [
        (RegisterFault::MagicValue(0x7472_6975), MmioError::Magic { found: 0x7472_6975 }),
        (RegisterFault::MagicValue(u32::MAX), MmioError::Magic { found: u32::MAX }),
        (RegisterFault::Version(1), MmioError::Version { expected: 2, found: 1 }),
        (RegisterFault::Version(0x102), MmioError::Version { expected: 2, found: 0x102 }),
        (RegisterFault::DeviceId(0), MmioError::NoDevice),
    ] {
        let device = BalloonDevice::builder().inject(fault).inline().start().unwrap();
        let (_registers, error) = Mmio::new(device.registers()).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!((device.events(), device.violations()), (vec![], vec![]), "{fault:?}");
    }
}

#[test]
fn another_device_type_is_rejected_and_not_written() {
    for id in [1, 13, 0x105, u32::MAX] {
        let error = probe(RegisterFault::DeviceId(id)).unwrap_err();
        let ProbeError::Setup(SetupError::WrongDevice { expected, found }) = error else { panic!("{error:?}") };
        assert_eq!((expected.0, found.0), (5, id));
    }
    let device = BalloonDevice::builder().inject(RegisterFault::DeviceId(1)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let balloon = Balloon::new(bus(&device), platform, Options::new(NoFeatures)).unwrap();
    assert!(balloon.probe(&mut crate::common::polls()).is_err());
    assert_eq!(device.events(), []);
}

// conformance: core.feature.4, core.feature.12, core.reserved.2
#[test]
fn invalid_features_are_not_accepted() {
    assert_eq!(probe(RegisterFault::Features(u64::MAX)), Ok(()));
    assert_eq!(probe(RegisterFault::Features(0)), Err(SetupError::LegacyOnly.into()));
    assert_eq!(probe(RegisterFault::Features(!(1 << 32))), Err(SetupError::LegacyOnly.into()));
    let error = probe(RegisterFault::Features(MIN_FEATURES)).unwrap_err();
    assert!(
        matches!(error, ProbeError::Setup(SetupError::Negotiate(NegotiateError::NotOffered { bit: 0, .. }))),
        "{error:?}"
    );
}

// conformance: core.feature.1, core.feature.5, core.feature.6, core.feature.7, core.feature.8, core.reserved.1
// conformance: ring.split.indirect.1
#[test]
fn only_declared_features_are_accepted() {
    let device = BalloonDevice::builder().inject(RegisterFault::Features(u64::MAX)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let mut balloon = crate::common::probe(&device, platform, Options::new(TellHost));
    assert_eq!(device.accepted_features(), 1 << 32 | 1);
    device.set_target(10);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!((device.actual(), device.violations()), (10, vec![]));
}

// conformance: core.init.9, core.init.12
#[test]
fn features_that_the_device_rejects_are_an_error() {
    let error = probe(RegisterFault::ClearsFeaturesOk).unwrap_err();
    assert_eq!(error, ProbeError::Setup(SetupError::FeaturesRejected { accepted: 1 << 32 | 1 }));
}

/// A reset is finished when the status reads 0.
// conformance: core.reset.1
#[test]
fn probing_a_device_that_never_finishes_its_reset_ends() {
    let device = BalloonDevice::builder().inject(RegisterFault::SlowReset(u32::MAX)).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap();
    let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
    assert_eq!(failed.error, ProbeError::Setup(SetupError::ResetUnfinished { status: 1 }));
    assert_reset(&device, &ledger);
    drop(failed.balloon);
    assert_eq!(device.status() & 0x80, 0x80, "FAILED");
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_slow_reset_is_accepted() {
    assert_eq!(probe(RegisterFault::SlowReset(1000)), Ok(()));
}

// conformance: mmio.vq-config.2, mmio.vq-config.3, mmio.reg.14, ring.split.layout.4, ring.split.layout.5
#[test]
fn invalid_queue_sizes_are_rejected_or_reduced() {
    assert_eq!(probe(RegisterFault::QueueSizeMax(0)), Err(QueueError::Missing { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(1)), Err(QueueError::InUse { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(2)), Err(QueueError::InUse { queue: 0 }.into()));
    assert_eq!(probe(RegisterFault::QueueReady(u32::MAX)), Err(QueueError::InUse { queue: 0 }.into()));
    for size in [1, 2, 3, 15, 16, 17, 255, 256, 32768, 32769, 65535, 65536, 0x10001, u32::MAX] {
        let mut rig = Rig::new(Builder::inject(BalloonDevice::builder().inline(), RegisterFault::QueueSizeMax(size)));
        for target in [3000, 100] {
            rig.device.set_target(target);
            rig.settle();
            assert_eq!(rig.device.host_page_count(), target as usize, "{size}");
        }
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&format!("size {size}"));
    }
}

// conformance: core.config.3
#[test]
fn a_configuration_that_always_changes_is_an_error() {
    let error = probe(RegisterFault::GenerationAlwaysChanges).unwrap_err();
    assert!(matches!(error, ProbeError::Config(ConfigError::Unstable { .. })), "{error:?}");
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::GenerationAlwaysChanges);
    let unstable = |error| matches!(error, BalloonError::Device(DeviceError::Config(ConfigError::Unstable { .. })));
    assert!(unstable(rig.balloon.service().unwrap_err()));
    assert!(unstable(rig.balloon.target().unwrap_err()));
    assert!(unstable(rig.balloon.inflate(1).map(drop).unwrap_err()));
    assert!(unstable(rig.balloon.deflate(1).map(drop).unwrap_err()));
    assert_eq!(rig.ledger.allocated_frames().len(), TARGET as usize);
    rig.recover("generation");
}

#[test]
fn a_target_beyond_all_memory_takes_every_free_frame() {
    for pages in [u32::MAX, u32::MAX - 1, 1 << 31] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        let frames = rig.ledger.free_frames();
        rig.device.inject(RegisterFault::NumPages(pages));
        let step = (0..1000).map(|_| rig.balloon.service().unwrap()).find(|step| *step != Step::Waiting);
        let Some(Step::Paused(pause)) = step else { panic!("{step:?}") };
        assert_eq!(pause.reason, PauseReason::OutOfFrames);
        assert_eq!((rig.ledger.free_frames(), rig.ledger.allocated_frames().len()), (0, frames));
        assert_eq!((rig.balloon.target(), rig.balloon.size()), (Ok(Pages(pages)), Pages(frames as u32)));
        assert_clean(&rig.device, &rig.ledger);
        rig.recover("all memory");
    }
}

#[test]
fn a_target_that_changes_in_every_step_is_followed() {
    let mut rig = Rig::new(BalloonDevice::builder().manual());
    for round in 0..200_u32 {
        rig.device.inject(RegisterFault::NumPages(if round % 2 == 0 { u32::MAX } else { 0 }));
        let _ = rig.balloon.service().unwrap();
        rig.device.step();
        assert_clean(&rig.device, &rig.ledger);
    }
    rig.recover("target");
}

/// The driver writes its own count and does not depend on what it reads.
// conformance: balloon.op.13
#[test]
fn the_value_read_from_actual_is_ignored() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::Actual(u32::MAX));
    assert_eq!((rig.balloon.service(), rig.balloon.size()), (Ok(Step::OnTarget), Pages(TARGET)));
    rig.device.set_target(10);
    rig.settle();
    assert_eq!((rig.device.actual(), rig.balloon.size()), (10, Pages(10)));
    // A size that an earlier driver has written is corrected.
    let mut rig = Rig::new(BalloonDevice::builder().inject(RegisterFault::Actual(77)).inline());
    rig.device.clear_events();
    rig.settle();
    assert_eq!((rig.device.actual(), rig.balloon.size()), (0, Pages(0)));
    assert!(rig.device.events().contains(&Event::ActualWritten(0)), "{:?}", rig.device.events());
}

/// Each step reads DEVICE_NEEDS_RESET.
// conformance: core.status.4, core.status.5, core.confchange.1
#[test]
fn a_device_that_needs_a_reset_is_noticed_at_once() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.set_needs_reset();
    rig.assert_unusable(broken(DeviceError::NeedsReset), "needs reset");
    rig.recover("needs reset");
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::SetsStatusBits(0x40));
    rig.assert_unusable(broken(DeviceError::NeedsReset), "status bits");
    rig.recover("status bits");
}

/// The specification does not define the bits 0x10 and 0x20.
#[test]
fn undefined_status_bits_are_ignored_while_the_device_is_live() {
    let mut rig = Rig::inflated(BalloonDevice::builder().inline());
    rig.device.inject(RegisterFault::SetsStatusBits(0xffff_ff30));
    rig.device.set_target(20);
    rig.settle();
    assert_eq!(rig.device.actual(), 20);
    assert_clean(&rig.device, &rig.ledger);
    rig.recover("undefined bits");
}

// conformance: mmio.reg.18, mmio.reg.20, ring.split.used-notif.5
#[test]
fn spurious_interrupts_are_acknowledged_and_ignored() {
    for fault in [RegisterFault::SetsInterruptBits(0xffff_fffc), RegisterFault::SpuriousInterrupts] {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        rig.device.inject(fault);
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
fn an_interrupt_that_cannot_be_cleared_is_reported_each_time() {
    let rig = Rig::new(BalloonDevice::builder().inline());
    let interrupt = rig.balloon.interrupt();
    assert!(interrupt.acknowledge().is_none());
    rig.device.inject(RegisterFault::SetsInterruptBits(3));
    for _ in 0..3 {
        let status = interrupt.acknowledge();
        assert!(status.used_buffers && status.configuration);
    }
    assert_clean(&rig.device, &rig.ledger);
}

/// Each allocation of DMA memory fails once.
#[test]
fn a_probe_without_dma_memory_returns_everything() {
    for allocation in 0..4 {
        let device = BalloonDevice::builder().inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let balloon = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap();
        ledger.fail_dma(Some(When::At(allocation)));
        let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
        assert!(matches!(failed.error, ProbeError::Queue(QueueError::NoMemory { .. })), "{allocation}: {failed:?}");
        assert_reset(&device, &ledger);
        assert_eq!(device.status(), 0, "a queue may have been enabled, so that the device is reset");
        ledger.fail_dma(None);
        let balloon = failed.balloon.probe(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn a_balloon_without_private_memory_is_not_created_and_does_not_access_the_device() {
    let device = BalloonDevice::builder().inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.fail_private();
    let failed = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap_err();
    assert!(matches!(failed.error, NewError::NoPrivateMemory { .. }), "{}", failed.error);
    assert_all_returned(&device, &ledger);
    assert_eq!(device.events(), []);
}
