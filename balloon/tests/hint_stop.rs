//! The host ends a round of hints that the driver has not finished.

mod common;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{Options, Size4KiB, features};
use aerostat_device::features as offered;
use aerostat_device::{BalloonDevice, QueueKind, TestPlatform};
use common::{assert_all_returned, assert_clean, probe, spin};

features! { struct Hinting { FreePageHint: Required } }

const CONFIGURATION: InterruptStatus = InterruptStatus { used_buffers: false, configuration: true };
const USED_BUFFERS: InterruptStatus = InterruptStatus { used_buffers: true, configuration: false };

/// The queue has room for a few of the many blocks, so the round takes many calls.
// conformance: balloon.hint.5, balloon.hint.6
#[test]
fn no_block_is_hinted_after_the_host_said_stop_or_done() {
    for is_done in [false, true] {
        let builder = BalloonDevice::builder().features(offered::FREE_PAGE_HINT | offered::VERSION_1);
        let device = builder.queue_size_of(QueueKind::FreePage, 4).manual().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = probe(&device, platform, Options::new(Hinting).hint_block(64 << 10));
        let _ = device.start_hinting();
        assert_eq!(balloon.service_hinting(CONFIGURATION), Ok(Progress::Waiting));
        for _ in 0..3 {
            while device.step() {}
            assert_eq!(balloon.service_hinting(USED_BUFFERS), Ok(Progress::Waiting));
        }
        let hinted = ledger.allocated_frames();
        assert!(hinted.len() >= 4 * 16 && ledger.free_frames() > 1000, "the round goes on");

        match is_done {
            false => device.stop_hinting(),
            true => device.finish_hinting(),
        }
        for _ in 0..5 {
            let _ = balloon.service_hinting(CONFIGURATION).unwrap();
            assert!(ledger.allocated_frames().is_subset(&hinted), "the kernel gave up another block");
            while device.step() {}
        }
        assert_eq!(device.open_round(), None, "the driver has sent STOP");
        assert_eq!(ledger.allocated_frames().is_empty(), is_done, "only DONE releases the blocks");
        assert_clean(&device, &ledger);
        let _ = balloon.remove(&mut spin()).unwrap();
        assert_all_returned(&device, &ledger);
    }
}
