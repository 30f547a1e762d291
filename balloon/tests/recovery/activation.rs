//! Devices that need all of their queues, or do not activate.

use aerostat_balloon::transport::{DeviceError, SetupError};
use aerostat_balloon::{Balloon, BalloonFeatureSet, NoFeatures, Options, Platform, ProbeError, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, Event, Hypervisor, Quirk, RegisterFault, TestPlatform, When};

use crate::common::{assert_all_returned, assert_clean, assert_reset, bus, no_wait, polls, probe, settle, start};
use crate::{All, builder};

/// Firecracker activates only if every queue that it has is set up. Declaring fewer features works without configuration.
#[test]
fn a_device_that_needs_all_of_its_queues_works_with_any_features() {
    fn check<F: BalloonFeatureSet>(options: Options<F>, builder: Builder)
    where
        TestPlatform<Size4KiB>: Platform<F>,
    {
        let (mut balloon, device, ledger) = start(builder.inline(), options);
        device.set_target(300);
        assert_eq!((settle(&mut balloon), device.actual()), (Step::OnTarget, 300));
        let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
        assert_reset(&device, &ledger);
        drop(frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap());
        assert_all_returned(&device, &ledger);
    }
    for hypervisor in [Hypervisor::Firecracker, Hypervisor::Crosvm, Hypervisor::Qemu] {
        check(Options::new(NoFeatures), BalloonDevice::builder().memory(16 << 20).like(hypervisor));
        check(Options::new(All), BalloonDevice::builder().memory(16 << 20).like(hypervisor));
    }
    check(Options::new(NoFeatures), builder().quirk(Quirk::NeedsAllQueues));
    // Queues that are not used are set up only if that is necessary.
    check(Options::new(NoFeatures), builder().quirk(Quirk::RejectsUnusedQueues));
}

#[test]
fn a_device_that_does_not_activate_makes_the_probe_fail_with_advice() {
    let quirky = builder().quirk(Quirk::NeedsAllQueues).quirk(Quirk::FailsActivation).quirk(Quirk::CannotReset);
    let device = quirky.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(NoFeatures)).unwrap();
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    assert_eq!(failed.error, ProbeError::Activation(DeviceError::NeedsReset));
    assert!(failed.error.to_string().contains("`Optional`"), "{}", failed.error);
    // The device cannot be reset any more, and keeps its queues.
    let mut balloon = failed.balloon;
    let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
    balloon = failed.balloon;
    assert!(ledger.allocated_dma() > 0);
    // SAFETY: the device of this test has not activated any queue.
    let balloon = unsafe { balloon.assume_reset() };
    drop(balloon);
    assert!(ledger.all_returned());
}

/// A second attempt sets up all queues, and each probe starts with those of the features.
#[test]
fn a_device_that_never_activates_is_set_up_twice_by_each_probe() {
    let quirky = builder().quirk(Quirk::NeedsAllQueues).further_queues(20);
    let device = quirky.inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform, Options::new(NoFeatures)).unwrap();
    for _ in 0..3 {
        device.clear_events();
        let failed = balloon.probe(&mut polls()).map(drop).unwrap_err();
        assert_eq!(failed.error, ProbeError::Activation(DeviceError::NeedsReset));
        balloon = failed.balloon;
        let needs_reset = device.events().into_iter().filter(|event| *event == Event::NeedsReset).count();
        let queues = device.events().into_iter().filter(|event| matches!(event, Event::QueueEnabled { .. })).count();
        assert_eq!(needs_reset, 2, "{:?}", device.events());
        assert!(queues > 2 * 2, "{queues}");
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// The driver sets FAILED itself on a device that it did not set up completely. That says nothing about the queues of the device.
#[test]
fn a_reset_that_takes_time_is_not_taken_for_an_activation_that_failed() {
    let device = builder().quirk(Quirk::NeedsAllQueues).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = probe(&device, platform, Options::new(NoFeatures));
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    // The device needs all of its queues, which the driver knows now. The memory of a queue is missing.
    ledger.fail_dma(Some(When::At(3)));
    device.inject(RegisterFault::DelaysReset(20));
    let mut balloon = frozen;
    let (mut errors, mut calls) = (Vec::new(), 0);
    let balloon = loop {
        match balloon.restore(&mut no_wait) {
            Ok(balloon) => break balloon,
            Err(failed) => {
                errors.push(failed.error);
                balloon = failed.balloon;
                calls += 1;
                assert!(calls < 100, "{errors:?}");
            }
        }
    };
    let unfinished = |error: &ProbeError| matches!(error, ProbeError::Setup(SetupError::ResetUnfinished { .. }));
    assert_eq!(errors.iter().filter(|error| matches!(error, ProbeError::Queue(_))).count(), 1, "{errors:?}");
    assert!(errors.iter().all(|error| unfinished(error) || matches!(error, ProbeError::Queue(_))), "{errors:?}");
    assert!(
        errors.iter().any(
            |error| matches!(error, ProbeError::Setup(SetupError::ResetUnfinished { status }) if status & 0x80 != 0)
        )
    );
    drop(balloon);
    assert_clean(&device, &ledger);
}
