//! The device is removed before each register access in turn: of a probe, of a restore, and of a balloon at work. Each time, the
//! error names the removal, and the kernel gets everything back.

mod common;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use aerostat_balloon::error::ProbeFailed;
use aerostat_balloon::transport::{DeviceError, Either, LegacyMmio, Mmio, Numbering, SetupError};
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, NoFeatures, Options, Platform, ProbeError, Ready, Size4KiB, Step,
    Unprobed, features as declare,
};
use aerostat_device::{BalloonDevice, Builder, Ledger, Quirk, TestPlatform, features};
use common::registers::{Observe, Observed};

declare! {
    struct All {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        EventIdx: Optional,
        RingPacked: Optional,
    }
}
declare! {
    struct Required {
        MustTellHost: Required,
        StatsVq: Required,
        FreePageHint: Required,
        PagePoison: Required,
        PageReporting: Required,
    }
}

/// Removes the device before an access.
#[derive(Clone)]
struct Removal {
    device: BalloonDevice,
    /// How many accesses come before the removal.
    left: Rc<Cell<usize>>,
    /// How many accesses came after the removal.
    late: Rc<Cell<usize>>,
}

impl Observe for Removal {
    fn access(&self, _offset: usize, _written: Option<u32>) {
        match self.left.get() {
            0 => self.late.set(self.late.get() + 1),
            left => {
                self.left.set(left - 1);
                if left == 1 {
                    self.device.remove();
                    self.late.set(1);
                }
            }
        }
    }
}

type Bus = Either<Mmio<Observed<Removal>>, LegacyMmio<Observed<Removal>>>;
type Live<F> = Balloon<Ready<Bus, TestPlatform<Size4KiB>, F>>;

/// The accesses that a call may make after the removal.
const LATE: usize = 110;

/// A device that works inside the register accesses, and the kernel's side of it.
struct Setup {
    removal: Removal,
    ledger: Ledger,
}

impl Setup {
    fn start<F: BalloonFeatureSet + Default>(
        builder: Builder,
    ) -> (Self, Balloon<Unprobed<Bus, TestPlatform<Size4KiB>, F>>)
    where
        TestPlatform<Size4KiB>: Platform<F>,
    {
        let device = builder.memory(4 << 20).inline().start().unwrap();
        let [left, late] = [usize::MAX, 0].map(|count| Rc::new(Cell::new(count)));
        let removal = Removal { device: device.clone(), left, late };
        let platform = TestPlatform::of(&device).unwrap();
        let ledger = platform.ledger();
        ledger.set_statistics([(4, 1)]);
        let bus = Mmio::either(Observed(device.registers(), removal.clone())).map_err(|(_, error)| error).unwrap();
        let options = Options::new(F::default()).numbering(Numbering::Specification);
        let balloon = Balloon::new(bus, platform, options).map_err(|failed| failed.error).unwrap();
        (Self { removal, ledger }, balloon)
    }

    /// Removes the device before the access with this number, counted from now on.
    fn remove_before(&self, access: usize) {
        self.removal.left.set(access + 1);
    }

    /// Returns whether the device was removed. If so, nothing may be lost, and the driver broke no rule.
    fn was_removed(&self, case: &str) -> bool {
        assert!(self.ledger.all_returned(), "{case}");
        assert_eq!((self.ledger.violations(), self.removal.device.violations()), (vec![], vec![]), "{case}");
        self.removal.late.get() > 0
    }
}

/// Calls `run` with the number of the access before which it removes the device, until it returns that it was not removed.
fn at_each_access(run: impl Fn(usize) -> bool) {
    let accesses = (0..2000).find(|access| !run(*access)).expect("each call ends");
    assert!(accesses > 4, "{accesses} accesses");
}

/// The device resets at once, or is gone: nothing waits.
fn never(attempt: u32) -> ControlFlow<()> {
    panic!("the kernel need not wait, attempt {attempt}")
}

/// The device answers at once, or is gone: there is little to wait for.
fn briefly(attempt: u32) -> ControlFlow<()> {
    if attempt < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// Checks a probe or a restore during which the device was removed. Returns the balloon in the state before.
fn check_failed<B>(setup: &Setup, failed: ProbeFailed<B>, case: &str) -> B {
    assert_eq!(failed.error, ProbeError::Setup(SetupError::Gone), "{case}");
    let late = setup.removal.late.get();
    assert!(late <= LATE, "{case}: {late} accesses after the removal");
    failed.balloon
}

/// Checks that a balloon whose device was removed notices it, and takes everything back.
fn end<F: BalloonFeatureSet>(mut balloon: Live<F>, case: &str)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    assert_eq!(balloon.service(), Err(BalloonError::Device(DeviceError::Gone)), "{case}");
    // SAFETY: the device of these tests was removed.
    unsafe { balloon.assume_gone() }.unwrap();
}

fn check_probe<F: BalloonFeatureSet + Default>(builder: impl Fn() -> Builder)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    at_each_access(|access| {
        let case = format!("probe, access {access}");
        let (setup, balloon) = Setup::start::<F>(builder());
        setup.remove_before(access);
        match balloon.probe(&mut never) {
            Ok(_) if setup.removal.late.get() == 0 => return false,
            Ok(balloon) => end(balloon, &case),
            Err(failed) => {
                // A second attempt fails too, without the device.
                setup.removal.late.set(0);
                let balloon = check_failed(&setup, failed, &case);
                let failed = balloon.probe(&mut never).map(drop).unwrap_err();
                let balloon = check_failed(&setup, failed, &case);
                // SAFETY: the device of this test was removed.
                drop(unsafe { balloon.assume_reset() });
            }
        }
        setup.was_removed(&case)
    });
}

fn check_restore<F: BalloonFeatureSet + Default>(builder: impl Fn() -> Builder)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    at_each_access(|access| {
        let case = format!("restore, access {access}");
        let (setup, balloon) = Setup::start::<F>(builder());
        let balloon = balloon.probe(&mut never).map_err(|failed| failed.error).unwrap();
        let frozen = balloon.freeze(&mut never).map_err(|failed| failed.error).unwrap();
        setup.remove_before(access);
        match frozen.restore(&mut never) {
            Ok(_) if setup.removal.late.get() == 0 => return false,
            Ok(balloon) => end(balloon, &case),
            // SAFETY: the device of this test was removed.
            Err(failed) => drop(unsafe { check_failed(&setup, failed, &case).assume_reset() }),
        }
        setup.was_removed(&case)
    });
}

/// Inflates, deflates, and changes the target.
fn work<F: BalloonFeatureSet>(balloon: &mut Live<F>, device: &BalloonDevice) -> Result<(), BalloonError>
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    for target in [300, 20] {
        device.set_target(target);
        while balloon.service()? != Step::OnTarget {}
    }
    device.set_target(40);
    balloon.inflate(10)?.wait(&mut briefly)?;
    balloon.deflate(20)?.tell_host().wait(&mut briefly).map(drop)
}

fn check_work<F: BalloonFeatureSet + Default>(builder: impl Fn() -> Builder)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    at_each_access(|access| {
        let case = format!("work, access {access}");
        let (setup, balloon) = Setup::start::<F>(builder());
        let mut balloon = balloon.probe(&mut never).map_err(|failed| failed.error).unwrap();
        setup.remove_before(access);
        let worked = work(&mut balloon, &setup.removal.device);
        if setup.removal.late.get() == 0 {
            return false;
        }
        if let Err(error) = worked {
            assert_eq!(error, BalloonError::Device(DeviceError::Gone), "{case}");
        }
        end(balloon, &case);
        setup.was_removed(&case)
    });
}

fn check_freeze<F: BalloonFeatureSet + Default>(builder: impl Fn() -> Builder)
where
    TestPlatform<Size4KiB>: Platform<F>,
{
    at_each_access(|access| {
        let case = format!("freeze, access {access}");
        let (setup, balloon) = Setup::start::<F>(builder());
        let mut balloon = balloon.probe(&mut never).map_err(|failed| failed.error).unwrap();
        work(&mut balloon, &setup.removal.device).unwrap();
        setup.remove_before(access);
        match balloon.freeze(&mut briefly) {
            Ok(_) if setup.removal.late.get() == 0 => return false,
            // The device was removed after its reset.
            Ok(frozen) => drop(frozen),
            Err(failed) => {
                assert_eq!(failed.error, BalloonError::Device(DeviceError::Gone), "{case}");
                // The reset was requested, so that other calls than `freeze` are not possible.
                let mut balloon = failed.balloon;
                // SAFETY: the device of this test was removed.
                unsafe { balloon.assume_gone() }.unwrap();
            }
        }
        setup.was_removed(&case)
    });
}

fn all() -> Builder {
    BalloonDevice::builder().features(features::BALLOON | features::VERSION_1)
}

#[test]
fn a_device_that_is_removed_during_the_probe_is_gone() {
    check_probe::<NoFeatures>(all);
    check_probe::<All>(all);
    check_probe::<All>(|| all().add_features(features::RING_PACKED | features::EVENT_IDX));
    check_probe::<Required>(all);
    // Reads of the configuration of a legacy device do not notice the removal themselves. The end of the attempt does.
    check_probe::<Required>(|| all().legacy());
    // Two attempts: with the queues of the features, and with all queues.
    check_probe::<NoFeatures>(|| all().quirk(Quirk::NeedsAllQueues));
    // Two attempts: with PAGE_POISON, and without.
    check_probe::<All>(|| all().quirk(Quirk::RefusesPoison));
    check_probe::<All>(|| all().legacy());
}

#[test]
fn a_device_that_is_removed_during_the_restore_is_gone() {
    check_restore::<NoFeatures>(all);
    check_restore::<All>(|| all().add_features(features::RING_PACKED));
    check_restore::<Required>(all);
    check_restore::<All>(|| all().legacy());
}

#[test]
fn a_device_that_is_removed_while_the_balloon_works_is_gone() {
    check_work::<NoFeatures>(all);
    check_work::<All>(|| all().add_features(features::RING_PACKED | features::EVENT_IDX));
    check_work::<All>(|| all().legacy());
}

#[test]
fn a_device_that_is_removed_during_the_freeze_is_gone() {
    check_freeze::<NoFeatures>(all);
    check_freeze::<All>(all);
    check_freeze::<All>(|| all().legacy());
}
