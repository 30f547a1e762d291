//! The device is removed.

use aerostat_balloon::error::FreezeFailed;
use aerostat_balloon::transport::Mmio;
use aerostat_balloon::{BalloonError, ProbeError};

use crate::common::{assert_all_returned, assert_reset, no_wait, polls};
use crate::{GONE, assert_every_call_returns, builder, inflated};

#[test]
fn a_device_that_is_gone_is_an_error_of_its_own_and_has_an_exit() {
    let (mut balloon, device, ledger) = inflated(builder());
    let _ = balloon.service_reporting().unwrap();
    device.remove();
    assert_every_call_returns(&mut balloon, GONE);
    let mut polls = 0;
    let mut wait = |_| {
        polls += 1;
        core::ops::ControlFlow::Continue(())
    };
    assert_eq!(balloon.abandon(&mut wait), Err(GONE));
    let FreezeFailed { error, mut balloon } = balloon.freeze(&mut wait).unwrap_err();
    assert_eq!((error, polls), (GONE, 0), "no time is lost");
    assert!(ledger.allocated_frames().len() >= 500, "the device may still access memory");
    // SAFETY: the device of this test was removed.
    unsafe { balloon.assume_gone() }.unwrap();
    assert_reset(&device, &ledger);
    assert_eq!(balloon.service(), Err(BalloonError::NotLive));
    let frozen = balloon.reset(&mut no_wait).map_err(|failed| failed.error).unwrap();
    let failed = frozen.restore(&mut no_wait).map(drop).unwrap_err();
    assert!(matches!(failed.error, ProbeError::Setup(_)), "{}", failed.error);
    let (_bus, _platform) = failed.balloon.into_parts();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_split_balloon_whose_device_is_gone_returns_everything() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let mut parts = balloon.split();
    let _ = parts.reporting.as_mut().unwrap().service(&mut kernel).unwrap();
    device.remove();
    assert_eq!(parts.balloon.abandon(&mut polls()), Err(GONE));
    // SAFETY: the device of this test was removed.
    unsafe { parts.balloon.assume_gone() }.unwrap();
    assert!(ledger.allocated_frames().is_empty());
    drop(parts.join().unwrap());
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_device_that_was_removed_is_no_device_for_the_transport() {
    let device = builder().inline().start().unwrap();
    device.remove();
    let registers = Mmio::new(device.registers());
    assert!(registers.is_err(), "the registers are not those of a device");
}
