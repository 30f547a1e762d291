//! Blocks leave the balloon, as a whole or in parts.

use std::time::Duration;

use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::platform::BlockFrames;
use aerostat_balloon::{BalloonError, Frames, Options, Pages, Step};
use aerostat_device::{QueueFault, features as offered};

use crate::common::{assert_all_returned, assert_clean, no_wait, settle, spin, start};
use crate::{BLOCK, Blocks, assert_sizes, blocks, builder, messages, work};

#[test]
fn a_part_of_a_block_leaves_without_a_message_and_the_rest_through_the_deflate_queue() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    device.set_target(4 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.clear_events();
    device.set_target(4 * BLOCK - 100);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 4 * BLOCK - 100);
    assert_eq!((balloon.held_in_blocks(), messages(&device)), (Pages(3 * BLOCK), [0; 3]));
    device.set_target(3 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 3 * BLOCK);
    assert_eq!((balloon.held_in_blocks(), messages(&device)), (Pages(3 * BLOCK), [0, 412, 0]));
    assert_clean(&device, &ledger);
}

/// A step is bounded, also if its blocks go back without a message. No interrupt follows, so the step is not `Waiting`.
#[test]
fn a_step_returns_a_limited_number_of_blocks() {
    let builder = builder().inline().add_features(offered::DEFLATE_ON_OOM);
    let options = Options::new(Blocks).report_block(4096).oom_pages(1);
    let (mut balloon, device, ledger) = start(builder, options);
    device.set_target(3000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(balloon.held_in_blocks(), Pages(3000));
    // The pauses do not end that of a deflation on OOM.
    let _ = balloon.deflate_on_oom().unwrap().release_early().unwrap();
    for (target, left) in [(0, 2999 - 1024), (0, 2999 - 2048)] {
        device.set_target(target);
        let Step::Paused(pause) = balloon.service().unwrap() else { panic!("{left} pages are left") };
        assert_eq!((pause.reason, pause.retry_after), (PauseReason::BlocksLeft, Duration::ZERO));
        assert_sizes(&balloon, &device, &ledger, left);
        device.set_target(3000);
        let Step::Paused(pause) = balloon.retry(pause).unwrap() else { panic!("the balloon inflates") };
        assert_eq!(pause.reason, PauseReason::OomBackoff);
    }
    device.set_target(0);
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_sizes(&balloon, &device, &ledger, 0);
    assert_eq!(messages(&device)[1], 0);
    assert_clean(&device, &ledger);
}

// conformance: balloon.op.8
#[test]
fn with_the_option_every_page_is_deflated_by_a_message() {
    let options = Options::new(Blocks).tell_host_of_blocks();
    let (mut balloon, device, ledger) = start(builder().inline(), options);
    for _ in 0..3 {
        device.clear_events();
        device.set_target(9 * BLOCK + 5);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(balloon.held_in_blocks(), Pages(0));
        device.set_target(BLOCK / 2);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        device.set_target(0);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_sizes(&balloon, &device, &ledger, 0);
        assert_eq!(messages(&device), [5, u64::from(9 * BLOCK + 5), u64::from(9 * BLOCK)]);
    }
    assert_clean(&device, &ledger);
}

/// A block that is acknowledged while arrays of the deflate queue are in flight does not mix with the frames that these name, and does
/// not leave without a message.
#[test]
fn with_the_option_blocks_may_be_acknowledged_during_a_deflation() {
    for target in [BLOCK, 0] {
        let options = Options::new(Blocks).tell_host_of_blocks();
        let (mut balloon, device, ledger) = start(builder().manual(), options);
        let mut kernel = balloon.platform().share();
        let _low = kernel.allocate(100).unwrap();
        let middle = kernel.allocate_blocks(BLOCK, BLOCK).unwrap();
        device.set_target(2 * BLOCK + 300);
        while balloon.service().unwrap() != Step::OnTarget {
            work(&device);
        }
        // The block that is in flight lies between the frames that the first array names.
        kernel.deallocate(middle);
        device.set_target(3 * BLOCK + 300);
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        // The report is completed before the arrays.
        device.inject(QueueFault::DelaysCompletion(50).on(1));
        device.set_target(target);
        for _ in 0..1000 {
            if balloon.service().unwrap() == Step::OnTarget {
                break;
            }
            device.step();
        }
        assert_eq!((balloon.size(), device.actual()), (Pages(target), target));
        assert_eq!(device.host_page_count() + device.block_page_count(), target as usize);
        assert_eq!(ledger.allocated_frames().len() as u32, target + 100);
        assert_eq!(messages(&device)[1], u64::from(3 * BLOCK + 300 - target));
        assert_clean(&device, &ledger);
    }
}

/// A block is not broken up while an array of the deflate queue names frames on both sides of it.
#[test]
fn a_part_of_a_block_waits_for_arrays_in_flight() {
    let (mut balloon, device, ledger) = blocks(builder().manual());
    let _low = balloon.platform().share().allocate(100).unwrap();
    device.set_target(BLOCK + 200);
    while balloon.service().unwrap() != Step::OnTarget {
        work(&device);
    }
    let frames = ledger.allocated_frames();
    assert!(frames.contains(&511) && frames.contains(&1024), "the block lies between the other frames");
    device.inject(QueueFault::DelaysCompletion(50).on(1));
    for target in [BLOCK, BLOCK - 5] {
        device.set_target(target);
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    for _ in 0..1000 {
        if balloon.service().unwrap() == Step::OnTarget {
            break;
        }
        device.step();
    }
    assert_eq!((balloon.size(), device.actual()), (Pages(BLOCK - 5), BLOCK - 5));
    let left: Vec<u64> = ledger.allocated_frames().into_iter().filter(|&frame| balloon.contains(frame)).collect();
    assert_eq!(left, (517..1024).collect::<Vec<u64>>());
    assert_clean(&device, &ledger);
}

#[test]
fn blocks_go_back_on_oom_without_a_message_and_in_parts() {
    let builder = builder().inline().add_features(offered::DEFLATE_ON_OOM);
    let options = Options::new(Blocks).oom_pages(700);
    let (mut balloon, device, ledger) = start(builder, options);
    device.set_target(6 * BLOCK + 300);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.clear_events();
    assert_eq!(balloon.deflate_on_oom().unwrap().tell_host().wait(&mut no_wait), Ok(700), "without an answer");
    assert_sizes(&balloon, &device, &ledger, 6 * BLOCK + 300 - 700);
    assert_eq!(balloon.deflate_on_oom().unwrap().release_early(), Ok(700));
    assert_sizes(&balloon, &device, &ledger, 6 * BLOCK + 300 - 1400);
    assert_eq!(messages(&device), [0; 3]);
    let Step::Paused(pause) = balloon.service().unwrap() else { panic!("the balloon inflates at once") };
    assert_eq!(pause.reason, PauseReason::OomBackoff);
    let _ = balloon.retry(pause).unwrap();
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 6 * BLOCK + 300);
    assert_clean(&device, &ledger);
}

/// Arrays that are in flight do not keep blocks in the balloon.
#[test]
fn blocks_go_back_on_oom_during_an_inflation() {
    let builder = builder().manual().add_features(offered::DEFLATE_ON_OOM);
    let options = Options::new(Blocks).oom_pages(700);
    let (mut balloon, device, ledger) = start(builder, options);
    device.set_target(BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    work(&device);
    device.set_target(BLOCK + 100);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(balloon.deflate_on_oom().unwrap().release_early(), Ok(BLOCK));
    assert_eq!((balloon.size(), device.actual(), balloon.held_in_blocks()), (Pages(0), 0, Pages(0)));
    assert_eq!(balloon.deflate_on_oom().unwrap().release_early(), Err(BalloonError::Busy), "there are no more blocks");
    assert_eq!(ledger.allocated_frames().len(), 100);
    work(&device);
    assert_clean(&device, &ledger);
}

#[test]
fn a_frame_inside_a_block_is_migrated() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    device.set_target(3 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let old = *ledger.allocated_frames().iter().nth(700).unwrap();
    let new = balloon.platform().share().allocate(1).unwrap();
    let new_frame = new.first();
    device.clear_events();
    assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
    assert_eq!((balloon.contains(old), balloon.contains(new_frame)), (false, true));
    assert_eq!((balloon.held_in_blocks(), messages(&device)), (Pages(2 * BLOCK), [1, 1, 0]));
    assert_sizes(&balloon, &device, &ledger, 3 * BLOCK);
    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}
