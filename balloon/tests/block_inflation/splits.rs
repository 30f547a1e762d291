//! Blocks of a split balloon, whose reporting handle has the queue.

use aerostat_balloon::error::BlockFallback;
use aerostat_balloon::handles::Progress;
use aerostat_balloon::{BalloonError, Options, Pages, Step};
use aerostat_device::{Event, features as offered};

use crate::common::{assert_all_returned, assert_clean, settle, start};
use crate::{BLOCK, Fallbacks, blocks, builder, work};

/// The balloon has the queue of a handle that was dropped.
#[test]
fn a_split_balloon_notifies_the_device_of_blocks_again_after_its_handle_was_dropped() {
    let (mut balloon, device, _ledger) = blocks(builder().manual());
    let queue = balloon.queue_numbers().reporting.unwrap();
    device.set_target(BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let aerostat_balloon::Handles { balloon: mut split, reporting, .. } = balloon.split();
    let mut again = || {
        device.clear_events();
        split.notify_again().unwrap();
        device.events().iter().any(|event| matches!(event, Event::Notified { queue: index, .. } if *index == queue))
    };
    assert!(!again(), "the handle has the queue");
    drop(reporting);
    assert!(again());
}

#[test]
fn a_split_balloon_uses_blocks_when_it_gets_the_handle_or_the_handle_was_dropped() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    device.set_target(2 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let mut kernel = balloon.platform().share();
    let mut handles = balloon.split();
    assert_eq!(handles.balloon.block_inflation(), Err(BlockFallback::HandleExists));

    device.set_target(4 * BLOCK);
    assert_eq!(settle(&mut handles.balloon), Step::OnTarget);
    assert_eq!((handles.balloon.size(), handles.balloon.held_in_blocks()), (Pages(4 * BLOCK), Pages(2 * BLOCK)));

    device.set_target(7 * BLOCK);
    while handles.balloon.service_with(&mut handles.reporting).unwrap() != Step::OnTarget {}
    assert_eq!((handles.balloon.size(), handles.balloon.held_in_blocks()), (Pages(7 * BLOCK), Pages(5 * BLOCK)));
    while handles.reporting.service(&mut kernel).unwrap() == Progress::Waiting {}

    device.set_target(3 * BLOCK);
    assert_eq!(settle(&mut handles.balloon), Step::OnTarget, "blocks leave without the handle");
    assert_eq!((handles.balloon.size(), handles.balloon.held_in_blocks()), (Pages(3 * BLOCK), Pages(BLOCK)));

    let aerostat_balloon::Handles { balloon: mut split, reporting, .. } = handles;
    drop(reporting);
    assert_eq!(split.block_inflation(), Ok(()));
    device.set_target(6 * BLOCK);
    assert_eq!(settle(&mut split), Step::OnTarget);
    assert_eq!((split.size(), split.held_in_blocks()), (Pages(6 * BLOCK), Pages(4 * BLOCK)));
    drop(split);
    assert_all_returned(&device, &ledger);
}

/// The handle takes back the reports that were in flight at the split, and the balloon counts them.
#[test]
fn reports_in_flight_at_a_split_are_acknowledged_through_the_handle() {
    for is_dropped in [false, true] {
        let (mut balloon, device, ledger) = blocks(builder().manual());
        device.set_target(6 * BLOCK);
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut kernel = balloon.platform().share();
        let aerostat_balloon::Handles { balloon: mut split, mut reporting, .. } = balloon.split();
        work(&device);
        assert_eq!(split.service(), Ok(Step::Waiting), "the handle has the queue");
        if is_dropped {
            drop(reporting);
        } else {
            let _ = reporting.service(&mut kernel).unwrap();
            drop(reporting);
        }
        assert_eq!(split.service(), Ok(Step::OnTarget));
        assert_eq!((split.size(), device.actual()), (Pages(6 * BLOCK), 6 * BLOCK));
        device.set_target(0);
        assert_eq!(split.service(), Ok(Step::OnTarget));
        assert_eq!(split.size(), Pages(0));
        drop(split);
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn a_handle_of_another_balloon_is_rejected() {
    let (balloon, device, _ledger) = blocks(builder().inline());
    let (other, _other_device, _other_ledger) = blocks(builder().inline());
    let (mut handles, mut others) = (balloon.split(), other.split());
    device.set_target(BLOCK);
    assert_eq!(handles.balloon.service_with(&mut others.reporting), Err(BalloonError::OtherBalloon));
    assert_eq!(handles.balloon.size(), Pages(0));
}

#[test]
fn a_split_balloon_that_is_dropped_first_returns_blocks_in_flight() {
    for platform in [0, offered::ACCESS_PLATFORM] {
        let (mut balloon, device, ledger) = start(builder().manual().add_features(platform), Options::new(Fallbacks));
        device.set_target(6 * BLOCK);
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut kernel = balloon.platform().share();
        let aerostat_balloon::Handles { balloon: split, reporting, .. } = balloon.split();
        drop(split);
        assert!(ledger.allocated_frames().is_empty());
        assert!(reporting.unwrap().service(&mut kernel).is_err());
        assert_clean(&device, &ledger);
    }
}
