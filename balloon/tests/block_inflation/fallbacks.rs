//! When blocks are not used.

use aerostat_balloon::error::BlockFallback;
use aerostat_balloon::{Balloon, Options, ProbeError, Size4KiB, Step, feature, features};
use aerostat_device::{BalloonDevice, TestPlatform, features as offered};

use crate::common::{assert_all_returned, assert_reset, bus, polls, settle, spin, start};
use crate::{BLOCK, Fallbacks, assert_sizes, blocks, builder};

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
        let (mut balloon, device, ledger) = start(builder, options);
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
    let (mut balloon, device, _ledger) = start(builder().inline(), options);
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
    let failed = balloon.probe(&mut polls()).unwrap_err();
    assert_eq!(failed.error, ProbeError::NoBlockInflation(BlockFallback::NotNegotiated));
    assert_reset(&device, &ledger);
    let (balloon, device, _ledger) = blocks(builder().add_features(1 << 63).inline());
    assert_eq!(device.accepted_features(), offered::PAGE_REPORTING | offered::VERSION_1);
    assert_eq!(balloon.block_inflation(), Ok(()));
}
