//! A balloon ends while handles exist, the kernel panics, or the machine is switched off.

use std::panic::{AssertUnwindSafe, catch_unwind};

use aerostat_balloon::transport::Numbering;
use aerostat_balloon::{Balloon, BalloonError, Handles, Options, Ready, Step};
use aerostat_device::{BalloonDevice, FrameEvent, TestPlatform, When, features};

use crate::common::{Bus, polls, settle, start};
use crate::{ALL, All, Poisoned, TellNobody, builder, inflated, recover};

#[test]
fn a_balloon_is_whole_again_without_handles_that_were_dropped() {
    let (balloon, device, ledger) = inflated(builder());
    let Handles { balloon, statistics, reporting, hinting } = balloon.split();
    drop(reporting);
    let balloon = balloon.unsplit().expect_err("two handles exist");
    let parts = Handles { balloon, statistics, reporting: None, hinting };
    let balloon: Balloon<Ready<Bus, TestPlatform, All>> =
        parts.join().expect("a handle that was dropped is not missing");
    let mut balloon = {
        let Handles { balloon, statistics, reporting, hinting } = balloon.split();
        drop((statistics, reporting, hinting));
        balloon.unsplit().expect("no handle exists")
    };
    assert!(balloon.service_reporting().unwrap().is_some(), "the queue is usable");
    recover(balloon, &device, &ledger);
}

#[test]
fn a_balloon_can_be_abandoned_while_handles_exist() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    let _ = parts.reporting.as_mut().unwrap().service(&mut kernel).unwrap();
    parts.balloon.abandon(&mut polls()).unwrap();
    parts.balloon.abandon(&mut polls()).unwrap();
    assert!(ledger.allocated_frames().is_empty());
    drop((parts.statistics, parts.reporting, parts.hinting));
    recover(parts.balloon.unsplit().unwrap(), &device, &ledger);
}

/// The frames that the kernel did not take back are still in the balloon.
#[test]
fn a_panic_of_the_kernel_during_a_reset_loses_no_other_frame() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(TellNobody));
    ledger.set_runs(aerostat_device::Runs::Scattered { seed: 3 });
    device.set_target(300);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    ledger.panic_at_deallocation(Some(When::At(10)));
    assert!(catch_unwind(AssertUnwindSafe(|| balloon.abandon(&mut polls()))).is_err());
    let left = ledger.allocated_frames().len();
    assert!(left > 100, "{left}");
    assert_eq!(balloon.abandon(&mut polls()), Ok(()));
    let lost = ledger.allocated_frames().len();
    assert!(lost <= 4, "only the run that was being returned: {lost}");
    assert_eq!(ledger.allocated_dma(), 0);
}

/// A machine that is switched off must not make the host supply memory for the frames of the balloon.
#[test]
fn power_off_touches_and_returns_no_frame() {
    let offers = ALL | features::PAGE_POISON;
    let builder = BalloonDevice::builder().memory(16 << 20).features(offers).inline();
    let (mut balloon, device, ledger) =
        start(builder, Options::new(Poisoned).poison_value(0x5a).numbering(Numbering::Specification));
    device.set_target(500);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let handles = balloon.split();
    let resident = device.memory().resident_bytes();
    let events = ledger.events();
    let mut kernel = handles.balloon.platform().share();
    let mut reporting = handles.reporting.unwrap();
    assert_eq!(handles.balloon.power_off(&mut polls()), Ok(()));
    assert_eq!(device.status(), 0, "the device is reset");
    assert_eq!(ledger.events(), events, "no frame is returned");
    assert_eq!(device.memory().resident_bytes(), resident, "no frame is filled");
    assert_eq!(reporting.service(&mut kernel), Err(BalloonError::NotLive));
    assert!(!ledger.events().iter().any(|event| matches!(event, FrameEvent::Deallocated { .. })));
}
