//! The host resets the device, or loses a notification.

use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{BalloonError, Handles, Options, Step};
use aerostat_device::{RegisterFault, When};

use crate::common::{assert_all_returned, assert_clean, polls, settle, start};
use crate::{All, HOST_RESET, TellNobody, assert_every_call_returns, builder, inflated, recover};

#[test]
fn every_call_notices_that_the_host_has_reset_the_device() {
    let (mut balloon, device, ledger) = inflated(builder());
    device.host_reset();
    assert_every_call_returns(&mut balloon, HOST_RESET);
    assert_eq!(ledger.allocated_frames().len(), 500, "the frames are in the balloon");
    recover(balloon, &device, &ledger);
}

#[test]
fn handles_notice_that_the_host_has_reset_the_device() {
    let (balloon, device, ledger) = inflated(builder());
    let mut kernel = balloon.platform().share();
    let Handles { mut balloon, statistics, reporting, hinting } = balloon.split();
    let (mut statistics, mut reporting, mut hinting) = (statistics.unwrap(), reporting.unwrap(), hinting.unwrap());
    device.host_reset();
    assert_eq!(balloon.service(), Err(HOST_RESET));
    assert_eq!(statistics.service(&mut kernel), Err(HOST_RESET));
    assert_eq!(reporting.service(&mut kernel), Err(HOST_RESET));
    assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(HOST_RESET));
    assert_eq!(hinting.reclaim_hinted(&mut kernel, 1), Err(HOST_RESET));
    let again = [statistics.notify_again(), reporting.notify_again(), hinting.notify_again(), balloon.notify_again()];
    assert_eq!(again, [Err(HOST_RESET); 4]);
    // A split balloon is abandoned in place.
    balloon.abandon(&mut polls()).unwrap();
    assert!(ledger.allocated_frames().is_empty());
    assert_eq!(statistics.service(&mut kernel), Err(BalloonError::NotLive));
    assert_eq!(reporting.service(&mut kernel), Err(BalloonError::NotLive));
    assert_eq!(hinting.service(&mut kernel, InterruptStatus::ANY), Err(BalloonError::NotLive));
    let again = [statistics.notify_again(), reporting.notify_again(), hinting.notify_again(), balloon.notify_again()];
    assert_eq!(again, [Err(BalloonError::NotLive); 4]);
    let parts = Handles { balloon, statistics: Some(statistics), reporting: Some(reporting), hinting: Some(hinting) };
    recover(parts.join().unwrap(), &device, &ledger);
}

/// Without the notifications of a device that was reset, a future makes progress only when it is polled.
#[test]
fn an_operation_in_progress_notices_that_the_host_has_reset_the_device() {
    let (mut balloon, device, ledger) = start(builder().manual(), Options::new(All));
    device.set_target(500);
    let mut inflation = balloon.inflate(500).unwrap();
    assert!(inflation.poll().unwrap().is_pending());
    device.host_reset();
    assert_eq!(inflation.poll(), Err(HOST_RESET));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_lost_notification_can_be_repeated() {
    let (mut balloon, device, ledger) = start(builder().inline(), Options::new(TellNobody));
    assert_eq!((balloon.in_flight(), balloon.progress()), (0, 0));
    device.inject(RegisterFault::LosesNotifications(When::Always));
    device.set_target(1000);
    for _ in 0..10 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!((balloon.in_flight(), balloon.progress()), (4, 0), "the device does not answer");
    device.clear_faults();
    assert_eq!(balloon.notify_again(), Ok(()));
    assert_eq!((settle(&mut balloon), balloon.in_flight(), balloon.progress()), (Step::OnTarget, 0, 4));
    // It may be repeated at any time.
    assert_eq!(balloon.notify_again(), Ok(()));
    assert_clean(&device, &ledger);
    let progress = balloon.progress();
    let frozen = balloon.freeze(&mut polls()).map_err(|failed| failed.error).unwrap();
    let balloon = frozen.restore(&mut polls()).map_err(|failed| failed.error).unwrap();
    assert!(balloon.progress() != 0 && balloon.progress() != progress.wrapping_sub(1), "it does not start again");
}
