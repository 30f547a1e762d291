//! Blocks, and arrays for the rest, reach every target.

use aerostat_balloon::handles::Progress;
use aerostat_balloon::ops::PauseReason;
use aerostat_balloon::{Frames, Options, Pages, Reserve, Size64KiB, Step};
use aerostat_device::{Runs, When, features as offered};

use crate::common::{assert_all_returned, assert_clean, settle, spin, start, start_sized};
use crate::{BLOCK, Blocks, Fallbacks, assert_sizes, blocks, builder, messages, work};

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
            let (mut balloon, device, ledger) = start_sized::<Size64KiB, _>(builder, options);
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

#[test]
fn blocks_that_cannot_be_mapped_go_back_and_arrays_are_used() {
    let options = Options::new(Fallbacks);
    let builder = builder().inline().add_features(offered::ACCESS_PLATFORM);
    let (mut balloon, device, ledger) = start(builder, options);
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
fn the_reserve_is_left_to_the_kernel() {
    let options = Options::new(Blocks).reserve(Reserve::Frames(4000));
    let (mut balloon, device, ledger) = start(builder().inline(), options);
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
