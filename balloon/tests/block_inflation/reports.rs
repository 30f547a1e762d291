//! Blocks in reports: how many, and until when the device has them.

use aerostat_balloon::platform::BlockFrames;
use aerostat_balloon::{BalloonError, Frames, Options, Pages, Step};
use aerostat_device::{Event, FrameEvent, QueueKind, Runs, features as offered};

use crate::common::{assert_clean, no_wait, start};
use crate::{BLOCK, Blocks, assert_sizes, blocks, builder, messages, work};

/// The frames stay with the balloon until the device has used the buffer of the report.
// conformance: balloon.op.15, balloon.report.3
#[test]
fn a_block_is_counted_and_can_leave_only_after_its_acknowledgement() {
    let (mut balloon, device, ledger) = blocks(builder().manual());
    device.set_target(8 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(0), Pages(8 * BLOCK)));
    let frames = ledger.allocated_frames();
    assert_eq!(frames.len() as u32, 8 * BLOCK);
    let frame = *frames.first().unwrap();
    assert!(balloon.contains(frame), "from before the host has the report");
    device.set_target(0);
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        assert_eq!(balloon.deflate_on_oom().map(|pending| pending.frames()), None);
        assert_eq!(balloon.deflate(8 * BLOCK).unwrap().frames(), 0);
        assert_eq!(ledger.allocated_frames().len() as u32, 8 * BLOCK);
    }
    let new = balloon.platform().share().allocate(1).unwrap();
    let rejected = balloon.migrate(frame, new).unwrap_err();
    assert_eq!(rejected.error, BalloonError::Busy);
    balloon.platform().share().deallocate(rejected.run.unwrap());
    work(&device);
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_sizes(&balloon, &device, &ledger, 0);
    assert_clean(&device, &ledger);
}

/// The kernel need not call `service` before it asks for frames.
#[test]
fn blocks_that_the_device_has_used_can_be_deflated_at_once() {
    let builder = builder().manual().add_features(offered::DEFLATE_ON_OOM);
    let options = Options::new(Blocks).oom_pages(BLOCK);
    let (mut balloon, device, ledger) = start(builder, options);
    device.set_target(3 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    work(&device);
    device.set_target(0);
    assert_eq!(balloon.deflate(BLOCK).unwrap().tell_host().wait(&mut no_wait), Ok(BLOCK));
    assert_sizes(&balloon, &device, &ledger, 2 * BLOCK);
    device.set_target(4 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    work(&device);
    assert_eq!(balloon.deflate_on_oom().unwrap().release_early(), Ok(BLOCK));
    assert_sizes(&balloon, &device, &ledger, 3 * BLOCK);
    assert_clean(&device, &ledger);
}

/// Scattered blocks have an element each. Several reports are in flight, and more wait for them.
// conformance: balloon.report.7
#[test]
fn several_reports_are_in_flight_and_each_has_several_blocks() {
    let options = Options::new(Blocks).report_block(64 << 10);
    let (mut balloon, device, ledger) = start(builder().manual(), options);
    let used: Vec<_> = (0..2000).filter_map(|_| balloon.platform().share().allocate(16)).collect();
    for (number, run) in used.into_iter().enumerate() {
        // Every second block has a used frame.
        if number % 2 == 0 {
            balloon.platform().share().deallocate(run);
        } else {
            let (_, rest) = run.split(1);
            balloon.platform().share().deallocate(rest.unwrap());
        }
    }
    let before = ledger.allocated_frames().len();
    let deallocated = || ledger.events().iter().filter(|event| matches!(event, FrameEvent::Deallocated { .. })).count();
    let deallocated_before = deallocated();
    device.set_target(200 * 16);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(ledger.allocated_frames().len() - before, 32 * 16, "two reports of 16 elements each");
    assert_eq!(deallocated(), deallocated_before, "no block was allocated that has no element");
    let mut steps = 0;
    while balloon.service().unwrap() != Step::OnTarget {
        device.step();
        steps += 1;
    }
    assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(3200), Pages(3200)), "after {steps} steps");
    assert_eq!(messages(&device), [0, 0, 3200]);
    assert_clean(&device, &ledger);
}

#[test]
fn adjacent_blocks_are_one_element_and_one_notification() {
    let (mut balloon, device, _ledger) = blocks(builder().manual());
    device.set_target(20 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    work(&device);
    let reports: Vec<_> = device.events().into_iter().filter(|event| matches!(event, Event::Reported { .. })).collect();
    assert_eq!(reports.len(), 1);
    assert!(matches!(&reports[..], [Event::Reported { runs }] if runs.len() == 1), "{reports:?}");
    let notified = device.events().into_iter().filter(|event| matches!(event, Event::Notified { .. })).count();
    assert!(notified <= 1, "{notified} notifications");
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
}

/// The kernel allocates them one by one.
#[test]
fn a_report_of_one_element_has_all_blocks_that_are_adjacent() {
    let (mut balloon, device, ledger) = blocks(builder().manual().queue_size_of(QueueKind::Reporting, 1));
    ledger.set_runs(Runs::AtMost(BLOCK));
    device.set_target(20 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(balloon.held_in_blocks(), Pages(20 * BLOCK));
    work(&device);
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_clean(&device, &ledger);
}

/// A report of one element has one of these blocks. The next one goes back, and is not allocated again for this report.
#[test]
fn a_report_ends_with_the_first_block_that_it_has_no_element_for() {
    let (mut balloon, device, ledger) = blocks(builder().manual().queue_size_of(QueueKind::Reporting, 1));
    ledger.set_runs(Runs::AtMost(BLOCK));
    let mut kernel = balloon.platform().share();
    let runs: Vec<_> = (0..16).map(|_| kernel.allocate_blocks(BLOCK, BLOCK).unwrap()).collect();
    for (number, run) in runs.into_iter().enumerate() {
        if number % 2 == 0 {
            kernel.deallocate(run);
        }
    }
    let used = 8;
    device.set_target(4 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(balloon.held_in_blocks(), Pages(BLOCK));
    while balloon.service().unwrap() != Step::OnTarget {
        work(&device);
    }
    assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(4 * BLOCK), Pages(4 * BLOCK)));
    assert_eq!(ledger.allocated_frames().len() as u32, (used + 4) * BLOCK);
    assert_clean(&device, &ledger);
}
