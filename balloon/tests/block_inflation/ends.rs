//! Blocks in the balloon and in flight when the balloon ends, or the device breaks the protocol.

use std::ops::ControlFlow;

use aerostat_balloon::error::BlockFallback;
use aerostat_balloon::transport::Spin;
use aerostat_balloon::{BalloonError, Options, Pages, Step};
use aerostat_device::{QueueFault, features as offered};

use crate::common::{assert_all_returned, assert_reset, settle, spin, start};
use crate::{BLOCK, Fallbacks, assert_sizes, blocks, builder, work};

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
            let (mut balloon, device, ledger) = start(builder().manual().add_features(platform), options);
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
