//! Block inflation: whole free blocks enter the balloon through the reporting queue, and leave it without a message.

mod common;

use std::ops::ControlFlow;
use std::time::Duration;

use aerostat_balloon::error::BlockFallback;
use aerostat_balloon::feature;
use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::platform::BlockFrames;
use aerostat_balloon::transport::Spin;
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameSize, Frames, Options, Pages, ProbeError, Reserve, Size4KiB,
    Size64KiB, Step, features,
};
use aerostat_device::{
    BalloonDevice, Builder, Event, FrameEvent, Ledger, QueueFault, QueueKind, Runs, TestPlatform, When,
    features as offered,
};
use common::{Live, assert_all_returned, assert_clean, assert_reset, bus, no_wait, probe, settle, spin};

features! { struct Blocks { PageReporting: Required, BlockInflation: Required, DeflateOnOom: Optional } }
features! {
    struct Fallbacks {
        PageReporting: Optional,
        BlockInflation: Optional,
        MustTellHost: Optional,
        PagePoison: Optional,
        AccessPlatform: Optional,
        IndirectDesc: Optional,
        RingPacked: Optional,
    }
}

/// Pages of a block of 2 MiB.
const BLOCK: u32 = 512;

fn builder() -> Builder {
    BalloonDevice::builder().features(offered::PAGE_REPORTING | offered::VERSION_1).block_inflation()
}

fn start<S: FrameSize, F: BalloonFeatureSet>(
    builder: Builder,
    options: Options<F>,
) -> (Live<S, F>, BalloonDevice, Ledger)
where
    TestPlatform<S>: aerostat_balloon::Platform<F>,
{
    let device = builder.start().unwrap();
    let platform = TestPlatform::<S>::of(&device).unwrap();
    let ledger = platform.ledger();
    (probe(&device, platform, options), device, ledger)
}

fn blocks(builder: Builder) -> (Live<Size4KiB, Blocks>, BalloonDevice, Ledger) {
    start(builder, Options::new(Blocks))
}

/// Lets a device without a thread do all of its work.
fn work(device: &BalloonDevice) {
    while device.step() {}
}

/// Returns the numbers of pages in arrays of the inflate queue, in arrays of the deflate queue, and in reports.
fn messages(device: &BalloonDevice) -> [u64; 3] {
    let mut messages = [0; 3];
    for event in device.events() {
        match event {
            Event::Inflated { pfns } => messages[0] += pfns.len() as u64,
            Event::Deflated { pfns } => messages[1] += pfns.len() as u64,
            Event::Reported { runs } => messages[2] += runs.iter().map(|run| run.end - run.start).sum::<u64>(),
            _ => {}
        }
    }
    messages
}

fn assert_sizes<S: FrameSize, F: BalloonFeatureSet>(
    balloon: &Live<S, F>,
    device: &BalloonDevice,
    ledger: &Ledger,
    pages: u32,
) where
    TestPlatform<S>: aerostat_balloon::Platform<F>,
{
    assert_eq!((balloon.size(), device.actual()), (Pages(pages), pages));
    assert_eq!(ledger.allocated_frames().len() as u32 * S::PAGES, pages);
}

// conformance: balloon.report.5, balloon.report.6
#[test]
fn whole_blocks_are_reported_the_rest_is_inflated_and_the_target_is_exact() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    assert_eq!(balloon.block_inflation(), Ok(()));
    device.set_target(10 * BLOCK + 77);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 10 * BLOCK + 77);
    assert_eq!(balloon.held_in_blocks(), Pages(10 * BLOCK));
    assert_eq!(messages(&device), [77, 0, u64::from(10 * BLOCK)]);
    assert_eq!(device.host_page_count(), 77);
    let frames = ledger.allocated_frames();
    assert!(frames.iter().all(|frame| balloon.contains(*frame)));

    device.clear_events();
    device.set_target(3 * BLOCK + 77);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 3 * BLOCK + 77);
    assert_eq!(messages(&device), [0; 3], "blocks leave without a message");
    assert_eq!(ledger.reported_frames() as u32, 7 * BLOCK, "the kernel knows that the blocks are reported");
    let kept = ledger.allocated_frames();
    assert!(frames.iter().all(|frame| balloon.contains(*frame) == kept.contains(frame)));

    device.set_target(0);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 0);
    assert_eq!(messages(&device), [0, 77, 0]);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn every_target_is_reached_exactly_from_every_other() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    let targets = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 300, 5 * BLOCK - 1];
    for from in targets {
        for to in targets {
            for target in [from, to] {
                device.set_target(target);
                assert_eq!(settle(&mut balloon), Step::OnTarget, "{from} to {to}");
                assert_sizes(&balloon, &device, &ledger, target);
            }
            assert!(balloon.held_in_blocks().0 <= to && balloon.held_in_blocks().0.is_multiple_of(BLOCK));
        }
    }
    assert_clean(&device, &ledger);
    let managed = ledger.managed();
    assert_eq!(managed.in_balloon(), i64::from(5 * BLOCK - 1));
}

#[test]
fn frames_of_64_kib_and_other_block_sizes_work() {
    for bytes in [64 << 10, 128 << 10, 2 << 20, 8 << 20] {
        for features in [0, offered::INDIRECT_DESC, offered::RING_PACKED, offered::ACCESS_PLATFORM] {
            let options = Options::new(Fallbacks).report_block(bytes);
            let builder = builder().inline().add_features(features);
            let (mut balloon, device, ledger) = start::<Size64KiB, _>(builder, options);
            for target in [16 * 600, 16 * 17, 16 * 900, 0] {
                device.set_target(target);
                assert_eq!(settle(&mut balloon), Step::OnTarget);
                assert_sizes(&balloon, &device, &ledger, target);
                let held = balloon.held_in_blocks().0;
                assert_eq!(held * 4096 % bytes, 0);
                assert!(target < 9000 || held > target / 2, "{held} of {target} pages, blocks of {bytes} bytes");
            }
            let _ = balloon.remove(&mut spin()).unwrap();
            assert_all_returned(&device, &ledger);
        }
    }
}

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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder().manual(), options);
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

#[test]
fn blocks_that_cannot_be_mapped_go_back_and_arrays_are_used() {
    let options = Options::new(Fallbacks);
    let builder = builder().inline().add_features(offered::ACCESS_PLATFORM);
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
    ledger.fail_mappings(Some(When::Always));
    device.set_target(3 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_sizes(&balloon, &device, &ledger, 3 * BLOCK);
    assert_eq!(balloon.held_in_blocks(), Pages(0));
    assert_clean(&device, &ledger);
}

#[test]
fn fragmented_memory_goes_through_arrays() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    ledger.set_runs(Runs::Scattered { seed: 9 });
    let scattered: Vec<_> = (0..4000).filter_map(|_| balloon.platform().share().allocate(1)).collect();
    let used = scattered.len();
    device.set_target(4000);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(4000), Pages(0)));
    assert_eq!(ledger.allocated_frames().len(), 4000 + used);
    // Blocks become free. The balloon uses them after it was on its target.
    for run in scattered {
        balloon.platform().share().deallocate(run);
    }
    for target in [0, 4000] {
        device.set_target(target);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_sizes(&balloon, &device, &ledger, target);
    }
    assert_eq!(balloon.held_in_blocks(), Pages(7 * BLOCK));
    assert_clean(&device, &ledger);
}

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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder().inline(), options);
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
        let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder().manual(), options);
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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
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
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
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

// conformance: balloon.op.9, balloon.report.2
#[test]
fn blocks_are_not_used_where_the_rules_forbid_it() {
    let reporting = offered::PAGE_REPORTING;
    let poison = offered::PAGE_POISON;
    for (features, value, expected) in [
        (0, 0, Err(BlockFallback::NotNegotiated)),
        (reporting, 0, Ok(())),
        (reporting, 7, Ok(())),
        (reporting | offered::MUST_TELL_HOST, 0, Err(BlockFallback::MustTellHostNegotiated)),
        (reporting | poison, 7, Err(BlockFallback::PoisonNegotiated)),
        (reporting | poison, 0, Err(BlockFallback::PoisonNegotiated)),
        (reporting | poison | offered::MUST_TELL_HOST, 7, Err(BlockFallback::MustTellHostNegotiated)),
    ] {
        let options = Options::new(Fallbacks).poison_value(value);
        let builder = BalloonDevice::builder().features(features | offered::VERSION_1).block_inflation().inline();
        let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder, options);
        assert_eq!(balloon.block_inflation(), expected);
        device.set_target(4 * BLOCK);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_sizes(&balloon, &device, &ledger, 4 * BLOCK);
        let held = if expected.is_ok() { 4 * BLOCK } else { 0 };
        assert_eq!((balloon.held_in_blocks().0, device.host_page_count() as u32), (held, 4 * BLOCK - held));
        device.set_target(100);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_sizes(&balloon, &device, &ledger, 100);
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn block_inflation_can_be_left_out_at_run_time() {
    let options = Options::new(Fallbacks).without(feature::BlockInflation);
    let (mut balloon, device, _ledger) = start::<Size4KiB, _>(builder().inline(), options);
    assert_eq!(balloon.block_inflation(), Err(BlockFallback::LeftOut));
    device.set_target(4 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!(device.host_page_count() as u32, 4 * BLOCK);
}

#[test]
fn the_probe_fails_if_block_inflation_is_required_and_cannot_be_used() {
    features! { struct Required { BlockInflation: Required, PageReporting: Optional } }
    // The bit of the declaration is not a feature of a device.
    let device = BalloonDevice::builder().features(offered::VERSION_1 | 1 << 63).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    let balloon = Balloon::new(bus(&device), platform, Options::new(Required)).unwrap();
    let failed = balloon.probe(&mut common::polls()).unwrap_err();
    assert_eq!(failed.error, ProbeError::NoBlockInflation(BlockFallback::NotNegotiated));
    assert_reset(&device, &ledger);
    let (balloon, device, _ledger) = blocks(builder().add_features(1 << 63).inline());
    assert_eq!(device.accepted_features(), offered::PAGE_REPORTING | offered::VERSION_1);
    assert_eq!(balloon.block_inflation(), Ok(()));
}

#[test]
fn the_reserve_is_left_to_the_kernel() {
    let options = Options::new(Blocks).reserve(Reserve::Frames(4000));
    let (mut balloon, device, ledger) = start::<Size4KiB, _>(builder().inline(), options);
    device.set_target(u32::MAX);
    let Step::Paused(pause) = settle(&mut balloon) else { panic!("the target is larger than memory") };
    assert_eq!((pause.reason, ledger.free_frames()), (PauseReason::AtReserve, 4000));
    assert!(balloon.held_in_blocks().0 > 0);
    assert_clean(&device, &ledger);
}

#[test]
fn free_page_reporting_goes_on_beside_block_inflation() {
    for builder in [builder().inline(), builder().manual(), builder().manual().queue_size(16)] {
        let (mut balloon, device, ledger) = blocks(builder);
        for target in [5 * BLOCK, 20 * BLOCK + 9, 2 * BLOCK, 12 * BLOCK, 0] {
            device.set_target(target);
            let is_done = (0..1000).any(|_| {
                let progress = balloon.service_reporting().unwrap();
                let step = balloon.service().unwrap();
                work(&device);
                (progress, step) == (Progress::Idle, Step::OnTarget)
            });
            assert!(is_done, "{target}");
            assert_sizes(&balloon, &device, &ledger, target);
        }
        assert!(ledger.reported_frames() > 0);
        let _ = balloon.remove(&mut device.work_at_most(1000)).unwrap();
        assert_all_returned(&device, &ledger);
    }
}

#[test]
fn freeze_and_restore_return_and_take_blocks_again() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    for _ in 0..3 {
        device.set_target(10 * BLOCK + 3);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        let frozen = balloon.freeze(&mut spin()).unwrap();
        assert_reset(&device, &ledger);
        balloon = frozen.restore(&mut spin()).unwrap();
        assert_eq!((balloon.size(), balloon.held_in_blocks()), (Pages(0), Pages(0)));
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_sizes(&balloon, &device, &ledger, 10 * BLOCK + 3);
    }
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

/// Every exit, with blocks in the balloon, blocks in flight and arrays in flight.
#[test]
fn every_exit_returns_blocks_in_flight() {
    for exit in 0..6 {
        for platform in [0, offered::ACCESS_PLATFORM] {
            let options = Options::new(Fallbacks);
            let (mut balloon, device, ledger) =
                start::<Size4KiB, _>(builder().manual().add_features(platform), options);
            device.set_target(4 * BLOCK);
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            work(&device);
            assert_eq!(balloon.service(), Ok(Step::OnTarget));
            device.set_target(9 * BLOCK + 30);
            assert_eq!(balloon.service(), Ok(Step::Waiting));
            assert_eq!(ledger.allocated_frames().len() as u32, 9 * BLOCK + 30);
            match exit {
                0 => drop(balloon),
                1 => drop(balloon.remove(&mut device.work_at_most(1000)).unwrap()),
                2 => {
                    balloon.abandon(&mut spin()).unwrap();
                    assert_eq!(balloon.service(), Err(BalloonError::NotLive));
                    assert_eq!(balloon.block_inflation(), Err(BlockFallback::NotLive));
                    assert_reset(&device, &ledger);
                    drop(balloon);
                }
                3 => {
                    device.remove();
                    // SAFETY: the device was removed, and does not access memory.
                    unsafe { balloon.assume_gone() }.unwrap();
                    assert_reset(&device, &ledger);
                    drop(balloon);
                }
                4 => {
                    device.host_reset();
                    assert!(balloon.service().is_err());
                    let frozen = balloon.reset(&mut spin()).unwrap();
                    let mut balloon = frozen.restore(&mut spin()).unwrap();
                    assert_eq!(balloon.size(), Pages(0));
                    assert_eq!(balloon.service(), Ok(Step::Waiting));
                    drop(balloon);
                }
                _ => {
                    let before = ledger.allocated_frames().len();
                    assert_eq!(balloon.power_off(&mut spin()), Ok(()));
                    assert_eq!(ledger.allocated_frames().len(), before, "everything is leaked, and nothing touched");
                    continue;
                }
            }
            assert_all_returned(&device, &ledger);
        }
    }
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
        let (mut balloon, device, ledger) =
            start::<Size4KiB, _>(builder().manual().add_features(platform), Options::new(Fallbacks));
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

#[test]
fn a_device_that_never_answers_keeps_the_blocks_until_it_is_reset() {
    let (mut balloon, device, ledger) = blocks(builder().inline());
    device.set_target(2 * BLOCK);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    device.inject(QueueFault::NeverCompletes);
    device.set_target(5 * BLOCK);
    for _ in 0..10 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    assert_eq!((balloon.size(), balloon.in_flight() > 0), (Pages(2 * BLOCK), true));
    device.set_target(0);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!(ledger.allocated_frames().len() as u32, 3 * BLOCK, "the acknowledged blocks are back");
    let failed = balloon.freeze(&mut Spin { limit: 10 }).unwrap_err();
    assert!(matches!(failed.error, BalloonError::Device(_)), "{}", failed.error);
    let frozen = failed.balloon.reset(&mut spin()).unwrap();
    assert_reset(&device, &ledger);
    drop(frozen);
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_device_that_breaks_the_reporting_queue_gets_an_error_and_no_frame_is_lost() {
    for fault in [
        QueueFault::ReportsIdNotInFlight,
        QueueFault::ReportsId(0x1_0000),
        QueueFault::CompletesTwice,
        QueueFault::ShiftsUsedIndex(3),
        QueueFault::SetsNeedsReset,
    ] {
        let (mut balloon, device, ledger) = blocks(builder().inline());
        device.set_target(2 * BLOCK);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        device.inject(fault);
        device.set_target(6 * BLOCK);
        let error = (0..10).find_map(|_| balloon.service().err());
        assert!(matches!(error, Some(BalloonError::Device(_))), "{fault:?}: {error:?}");
        assert!(ledger.allocated_frames().len() as u32 >= 2 * BLOCK, "{fault:?}");
        device.clear_faults();
        let frozen = balloon.reset(&mut |_| ControlFlow::Continue(())).unwrap();
        assert_reset(&device, &ledger);
        let mut balloon = frozen.restore(&mut spin()).unwrap();
        assert_eq!(settle(&mut balloon), Step::OnTarget, "{fault:?}");
        assert_sizes(&balloon, &device, &ledger, 6 * BLOCK);
    }
}
