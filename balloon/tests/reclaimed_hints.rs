//! Which hinted blocks come back under memory pressure.

mod common;

use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Balloon, Options, Ready, features as declare};
use aerostat_device::{BalloonDevice, Ledger, TestPlatform, features};
use common::{Bus, assert_all_returned, assert_clean, probe};

declare! {
    struct Hints { FreePageHint: Required }
}

const BLOCK: u32 = 1 << 20;

/// Starts a round and hints all free blocks, which the device returns.
fn hint_all(balloon: &mut Balloon<Ready<Bus, TestPlatform, Hints>>, device: &BalloonDevice, ledger: &Ledger) {
    let _ = device.start_hinting();
    for _ in 0..100 {
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    }
    assert!(ledger.free_frames() < 2 * BLOCK as usize / 4096);
}

/// The search does not end at the end of the bitmap.
#[test]
fn blocks_of_a_later_round_come_back_too() {
    let device =
        BalloonDevice::builder().memory(16 << 20).features(features::FREE_PAGE_HINT | features::VERSION_1).inline();
    let device = device.start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    let mut balloon = probe(&device, platform, Options::new(Hints).hint_block(BLOCK));
    let all = ledger.free_frames();
    for round in 0..3 {
        hint_all(&mut balloon, &device, &ledger);
        // Some blocks come back first, so that the next search starts behind them.
        for frames in [1, BLOCK / 2048, u32::MAX] {
            assert!(balloon.reclaim_hinted(frames).unwrap() > 0, "round {round}");
        }
        assert_eq!(ledger.free_frames(), all, "round {round}");
        device.stop_hinting();
        let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    }
    device.finish_hinting();
    let _ = balloon.service_hinting(InterruptStatus::ANY).unwrap();
    assert_clean(&device, &ledger);
    drop(balloon);
    assert_all_returned(&device, &ledger);
}
