//! What a balloon with whole blocks reports: that it is on its target, and the queue that does not answer.

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, Options, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Builder, QueueKind};

use crate::common::{Live, no_wait, settle, start};
use crate::{Blocks, builder};

/// Pages of a block.
const BLOCK: u32 = 4;

fn small(builder: Builder) -> (Live<Size4KiB, Blocks>, BalloonDevice) {
    let (balloon, device, _) = start(builder.memory(4 << 20), Options::new(Blocks).report_block(BLOCK << 12));
    (balloon, device)
}

/// Blocks leave without a message, so nothing is left to wait for.
#[test]
fn a_lower_target_is_reached_in_the_call_that_releases_the_blocks() {
    let (mut balloon, device) = small(builder().inline());
    device.set_target(8 * BLOCK);
    assert_eq!((settle(&mut balloon), balloon.held_in_blocks().0), (Step::OnTarget, 8 * BLOCK));
    device.set_target(4 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_eq!((balloon.size().0, balloon.held_in_blocks().0), (4 * BLOCK, 4 * BLOCK));
}

#[test]
fn the_error_names_the_reporting_queue_if_it_does_not_return_blocks() {
    let (mut balloon, device) = small(builder().manual());
    let queue = device.queue_number(QueueKind::Reporting).unwrap();
    device.set_target(8 * BLOCK);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let failed = balloon.freeze(&mut no_wait).map(drop).map_err(|failed| failed.error);
    assert_eq!(failed, Err(BalloonError::Device(DeviceError::NoAnswer { queue })));
    // The inflate queue does not answer either, and the blocks are back.
    let (mut balloon, device) = small(builder().manual());
    let queue = device.queue_number(QueueKind::Inflate).unwrap();
    device.set_target(BLOCK - 1);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let failed = balloon.freeze(&mut no_wait).map(drop).map_err(|failed| failed.error);
    assert_eq!(failed, Err(BalloonError::Device(DeviceError::NoAnswer { queue })));
}
