//! What a driver makes of what a device offers: at first, and when it is brought back to life.

mod common;

use std::alloc::Layout;
use std::ops::Range;

use aerostat_balloon::spec::NegotiateError;
use aerostat_balloon::spec::balloon::feature;
use aerostat_balloon::transport::{Dma, DmaRegion, SetupError};
use aerostat_balloon::{
    Balloon, DeflateOnOom, FillFrames, FrameRun, Frames, FreeContents, FreePageHint, MustTellHost, PagePoison,
    PageReporting, Pages, PrivateMemory, ProbeError, ReportFrames, Reported, Size4KiB, StatsVq, Step,
};
use aerostat_device::{BalloonDevice, Ledger, RegisterFault, TestPlatform, features};
use common::{assert_clean, assert_settled, bus, spin};

fn start(offered: u64) -> (BalloonDevice, TestPlatform<Size4KiB>, Ledger) {
    let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1)]);
    (device, platform, ledger)
}

/// A kernel that relies on what its free memory contains.
struct Keeping(TestPlatform<Size4KiB>);

impl Frames for Keeping {
    type Size = Size4KiB;

    fn range(&self) -> Range<u64> {
        self.0.range()
    }

    fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
        self.0.allocate(most)
    }

    fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
        self.0.deallocate(run);
    }

    fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
        self.0.allocate_private(words)
    }

    fn deallocate_private(&mut self, memory: PrivateMemory) {
        self.0.deallocate_private(memory);
    }
}

impl ReportFrames for Keeping {
    const CONTENTS: FreeContents = FreeContents::Kept;

    fn allocate_unreported(&mut self, frames: u32) -> Option<FrameRun<Size4KiB>> {
        ReportFrames::allocate_unreported(&mut self.0, frames)
    }

    fn deallocate_reported(&mut self, run: FrameRun<Size4KiB>) {
        self.0.deallocate_reported(run);
    }
}

impl FillFrames for Keeping {
    fn fill(&mut self, run: &FrameRun<Size4KiB>, value: u32) {
        self.0.fill(run, value);
    }
}

// SAFETY: the memory is that of a platform that keeps the contract.
unsafe impl Dma for Keeping {
    fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
        self.0.alloc(layout)
    }

    fn free(&mut self, region: DmaRegion) {
        self.0.free(region);
    }
}

/// The feature that a driver could not use though it requires it.
fn unsupported(error: &ProbeError) -> Option<u32> {
    match error {
        ProbeError::Setup(SetupError::Negotiate(NegotiateError::Unsupported { bit, .. })) => Some(*bit),
        _ => None,
    }
}

/// balloon.feature.3
#[test]
fn reporting_is_refused_where_free_pages_keep_a_value_that_the_host_does_not_learn() {
    // Poison that the device does not offer, and poison that the kernel does not declare.
    let (device, platform, ledger) = start(features::PAGE_REPORTING);
    let balloon = Balloon::new(bus(&device), Keeping(platform)).want(PagePoison(0)).want(PageReporting::default());
    let mut balloon = balloon.probe().unwrap();
    assert!(balloon.reporting().is_none() && !balloon.accepted().has(feature::PageReporting));
    assert_eq!(device.accepted_features(), features::VERSION_1);
    let (transport, platform) = balloon.remove(&mut spin()).unwrap();
    let failed = Balloon::new(transport, platform).require(PageReporting::default()).probe().unwrap_err();
    assert_eq!(unsupported(&failed.error), Some(5), "{}", failed.error);
    assert!(failed.error.to_string().contains("PAGE_REPORTING"), "{}", failed.error);
    assert_settled(&device, &ledger);

    let (device, platform, ledger) = start(features::PAGE_REPORTING | features::PAGE_POISON);
    let mut balloon = Balloon::new(bus(&device), Keeping(platform)).want(PageReporting::default()).probe().unwrap();
    assert!(balloon.reporting().is_none());
    drop(balloon);
    assert_settled(&device, &ledger);
}

/// balloon.feature.3
#[test]
fn reporting_is_used_where_the_host_learns_the_value_of_free_pages() {
    let (device, platform, ledger) = start(features::PAGE_REPORTING | features::PAGE_POISON);
    let balloon = Balloon::new(bus(&device), Keeping(platform)).want(PagePoison(0x1234_5678));
    let mut balloon = balloon.require(PageReporting::default()).probe().unwrap();
    assert_eq!(device.poison(), Some(0x1234_5678));
    while balloon.reporting().service().unwrap() == Reported::Waiting {}
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

/// core.config.4, core.config.7, balloon.config.2, balloon.config.4: what has no field is not used, whatever is offered.
#[test]
fn features_whose_field_is_missing_are_absent() {
    for (bytes, hinting, poison) in [(8, false, false), (12, true, false), (16, true, true)] {
        let offered = features::BALLOON | features::VERSION_1;
        let device = BalloonDevice::builder().features(offered).config_bytes(bytes).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let balloon = Balloon::new(bus(&device), platform).want(FreePageHint::default()).want(PagePoison(7));
        let mut balloon = balloon.want(PageReporting::default()).want(MustTellHost).probe().unwrap();
        assert_eq!(balloon.hinting().is_some(), hinting, "{bytes} bytes");
        assert_eq!(balloon.accepted().has(feature::PagePoison), poison, "{bytes} bytes");
        assert!(balloon.reporting().is_some(), "{bytes} bytes");
        device.set_target(100);
        while balloon.service().unwrap() == Step::Waiting {}
        assert_eq!(balloon.size(), Pages(100));
        let (transport, platform) = balloon.remove(&mut spin()).unwrap();

        let required = Balloon::new(transport, platform).require(FreePageHint::default()).probe();
        let (transport, platform) = match required {
            Ok(balloon) => {
                assert!(hinting);
                balloon.remove(&mut spin()).unwrap()
            }
            Err(failed) => {
                assert_eq!((hinting, unsupported(&failed.error)), (false, Some(3)));
                failed.balloon.into_parts()
            }
        };
        match Balloon::new(transport, platform).require(PagePoison(7)).probe() {
            Ok(balloon) => {
                assert!(poison);
                drop(balloon);
            }
            Err(failed) => assert_eq!((poison, unsupported(&failed.error)), (false, Some(4))),
        }
        assert_settled(&device, &ledger);
    }
}

/// balloon.config.1: a configuration that lacks a field that every balloon has is none.
#[test]
fn a_configuration_without_actual_is_an_error() {
    for bytes in [0, 4] {
        let device = BalloonDevice::builder().config_bytes(bytes).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let failed = Balloon::new(bus(&device), platform).require(MustTellHost).probe().unwrap_err();
        assert!(matches!(failed.error, ProbeError::Config(_)), "{:?}", failed.error);
        assert_settled(&device, &ledger);
    }
}

/// A frozen balloon whose device no longer offers what is required stays frozen, until it does again.
#[test]
fn a_balloon_is_not_restored_to_a_device_that_lacks_what_is_required() {
    let (device, platform, ledger) = start(features::BALLOON);
    let balloon = Balloon::new(bus(&device), platform).require(MustTellHost).require(StatsVq);
    let balloon = balloon.require(DeflateOnOom::default()).require(PageReporting::default());
    let mut balloon = balloon.require(PagePoison(1)).require(FreePageHint::default()).probe().unwrap();
    device.set_target(500);
    while balloon.service().unwrap() == Step::Waiting {}
    let accepted = device.accepted_features();
    assert_eq!(accepted, features::BALLOON | features::VERSION_1);
    let mut frozen = balloon.freeze(&mut spin()).map_err(|held| held.error).unwrap();
    for bit in 0..6 {
        device.misbehave(RegisterFault::Features(accepted & !(1 << bit)));
        let failed = frozen.restore().unwrap_err();
        let ProbeError::Setup(SetupError::Negotiate(NegotiateError::NotOffered { bit: missing, .. })) = failed.error
        else {
            panic!("{bit}: {}", failed.error)
        };
        assert_eq!((missing, device.status() & 4), (bit, 0));
        assert!(ledger.is_settled(), "nothing is kept");
        frozen = failed.balloon;
    }
    device.misbehave(RegisterFault::Features(accepted & !features::VERSION_1));
    let failed = frozen.restore().unwrap_err();
    assert_eq!(failed.error, ProbeError::Setup(SetupError::LegacyOnly));
    device.behave();
    let mut balloon = failed.balloon.restore().map_err(|failed| failed.error).unwrap();
    assert_eq!(device.accepted_features(), accepted, "the same again");
    while balloon.service().unwrap() == Step::Waiting {}
    assert_eq!((balloon.size(), device.actual()), (Pages(500), 500));
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}

/// What is only wanted may come and go with the device.
#[test]
fn a_balloon_is_restored_to_a_device_that_lacks_what_is_wanted() {
    let (device, platform, ledger) = start(features::BALLOON);
    let balloon = Balloon::new(bus(&device), platform).want(MustTellHost).want(DeflateOnOom::default());
    let mut balloon = balloon.probe().unwrap();
    assert!(balloon.deflate_on_oom().is_some());
    let frozen = balloon.freeze(&mut spin()).map_err(|held| held.error).unwrap();
    device.misbehave(RegisterFault::Features(features::VERSION_1));
    let mut balloon = frozen.restore().map_err(|failed| failed.error).unwrap();
    assert!(balloon.deflate_on_oom().is_none());
    assert_eq!(device.accepted_features(), features::VERSION_1);
    device.set_target(50);
    while balloon.service().unwrap() == Step::Waiting {}
    assert!(ledger.accounts().calls > 0, "accounted, now that there is no relief");
    assert_eq!(device.actual(), 50);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_settled(&device, &ledger);
}
