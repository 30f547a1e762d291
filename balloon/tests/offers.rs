//! What the driver uses of what a device offers, in the first probe and when it is restored.

mod common;

use aerostat_balloon::handles::Progress;
use aerostat_balloon::platform::FreeContents;
use aerostat_balloon::spec::NegotiateError;
use aerostat_balloon::transport::{InterruptStatus, SetupError};
use aerostat_balloon::{Balloon, Options, Pages, ProbeError, Size4KiB, Step, feature};
use aerostat_device::{BalloonDevice, Ledger, RegisterFault, TestPlatform, features};
use common::changed::{Changed, Changes};
use common::{TellHost, assert_all_returned, assert_clean, assert_reset, bus, probe, settle, spin};

/// Feature sets of the balloons of these tests.
mod sets {
    use aerostat_balloon::features;

    features! { pub(crate) struct OptionalPoison { PagePoison: Optional, PageReporting: Optional } }
    features! { pub(crate) struct PoisonAndReporting { PagePoison: Optional, PageReporting: Required } }
    features! { pub(crate) struct OptionalReporting { PageReporting: Optional } }
    features! { pub(crate) struct Reporting { PageReporting: Required } }
    features! { pub(crate) struct Hinting { FreePageHint: Required } }
    features! { pub(crate) struct Poison { PagePoison: Required } }
    features! { pub(crate) struct OnOom { MustTellHost: Optional, DeflateOnOom: Optional } }
    features! {
        pub(crate) struct AllOptional {
            FreePageHint: Optional, PagePoison: Optional, PageReporting: Optional, MustTellHost: Optional,
        }
    }
    features! {
        pub(crate) struct AllRequired {
            MustTellHost: Required, StatsVq: Required, DeflateOnOom: Required, PageReporting: Required,
            PagePoison: Required, FreePageHint: Required,
        }
    }
}

fn start(offered: u64) -> (BalloonDevice, TestPlatform<Size4KiB>, Ledger) {
    let device = BalloonDevice::builder().features(offered | features::VERSION_1).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.set_statistics([(4, 1)]);
    (device, platform, ledger)
}

/// A kernel that relies on the contents of its free memory.
struct Keeping;

impl Changes for Keeping {
    const CONTENTS: FreeContents = FreeContents::Kept;
}

/// Returns the bit of a required feature that the driver cannot use.
fn unsupported(error: &ProbeError) -> Option<u32> {
    match error {
        ProbeError::Setup(SetupError::Negotiate(NegotiateError::Unsupported { bit, .. })) => Some(*bit),
        _ => None,
    }
}

// conformance: balloon.feature.3
#[test]
fn reporting_is_not_used_if_the_host_does_not_learn_the_contents_of_free_memory() {
    // The device does not offer PAGE_POISON.
    let (device, platform, ledger) = start(features::PAGE_REPORTING);
    let options = Options::new(sets::OptionalPoison).poison_value(0);
    let mut balloon = probe(&device, Changed::new(platform, Keeping), options);
    assert_eq!(balloon.service_reporting(), Ok(None));
    assert!(!balloon.accepted().unwrap().has(feature::PageReporting));
    assert_eq!(device.accepted_features(), features::VERSION_1);
    let (transport, platform) = balloon.remove(&mut spin()).unwrap();
    let balloon = Balloon::new(transport, platform, Options::new(sets::Reporting)).unwrap();
    let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
    assert_eq!(unsupported(&failed.error), Some(5), "{}", failed.error);
    assert!(failed.error.to_string().contains("PAGE_REPORTING"), "{}", failed.error);
    drop(failed);
    assert_all_returned(&device, &ledger);

    // The kernel does not declare PAGE_POISON.
    let (device, platform, ledger) = start(features::PAGE_REPORTING | features::PAGE_POISON);
    let mut balloon = probe(&device, Changed::new(platform, Keeping), Options::new(sets::OptionalReporting));
    assert_eq!(balloon.service_reporting(), Ok(None));
    drop(balloon);
    assert_all_returned(&device, &ledger);

    // The kernel leaves PAGE_POISON out at run time.
    let (device, platform, ledger) = start(features::PAGE_REPORTING | features::PAGE_POISON);
    let options = Options::new(sets::OptionalPoison).without(feature::PagePoison);
    let mut balloon = probe(&device, Changed::new(platform, Keeping), options);
    assert_eq!(balloon.service_reporting(), Ok(None));
    drop(balloon);
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.feature.3
#[test]
fn reporting_is_used_if_the_host_learns_the_contents_of_free_memory() {
    let (device, platform, ledger) = start(features::PAGE_REPORTING | features::PAGE_POISON);
    let options = Options::new(sets::PoisonAndReporting).poison_value(0x1234_5678);
    let mut balloon = probe(&device, Changed::new(platform, Keeping), options);
    assert_eq!(device.poison(), Some(0x1234_5678));
    while balloon.service_reporting().unwrap() == Progress::Waiting {}
    assert!(ledger.reported_frames() > 0);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

/// A feature whose field the configuration space lacks is not used, even if it is offered.
// conformance: core.config.4, core.config.7, core.init.6, balloon.config.2, balloon.config.4
#[test]
fn a_feature_without_its_configuration_field_is_not_used() {
    for (bytes, hinting, poison) in [(8, false, false), (12, true, false), (16, true, true)] {
        let offered = features::BALLOON | features::VERSION_1;
        let device = BalloonDevice::builder().features(offered).config_bytes(bytes).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let numbering = aerostat_balloon::transport::Numbering::Specification;
        let options = Options::new(sets::AllOptional).poison_value(7).numbering(numbering);
        let mut balloon = probe(&device, platform, options);
        let hints = balloon.service_hinting(InterruptStatus::ANY).unwrap();
        assert_eq!(hints.is_some(), hinting, "{bytes} bytes");
        assert_eq!(balloon.accepted().unwrap().has(feature::PagePoison), poison, "{bytes} bytes");
        assert!(balloon.service_reporting().unwrap().is_some(), "{bytes} bytes");
        device.set_target(100);
        assert_eq!(settle(&mut balloon), Step::OnTarget);
        assert_eq!(balloon.size(), Pages(100));
        let (transport, platform) = balloon.remove(&mut spin()).unwrap();

        let required = Balloon::new(transport, platform, Options::new(sets::Hinting).numbering(numbering))
            .unwrap()
            .probe(&mut crate::common::polls());
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
        match Balloon::new(transport, platform, Options::new(sets::Poison)).unwrap().probe(&mut crate::common::polls())
        {
            Ok(balloon) => {
                assert!(poison);
                drop(balloon);
            }
            Err(failed) => assert_eq!((poison, unsupported(&failed.error)), (false, Some(4))),
        }
        assert_all_returned(&device, &ledger);
    }
}

/// Every balloon has the fields `num_pages` and `actual`.
// conformance: balloon.config.1
#[test]
fn a_configuration_space_without_actual_is_an_error() {
    for bytes in [0, 4] {
        let device = BalloonDevice::builder().config_bytes(bytes).inline().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let balloon = Balloon::new(bus(&device), platform, Options::new(TellHost)).unwrap();
        let failed = balloon.probe(&mut crate::common::polls()).unwrap_err();
        assert!(matches!(failed.error, ProbeError::Config(_)), "{:?}", failed.error);
        assert_reset(&device, &ledger);
        drop(failed);
        assert_all_returned(&device, &ledger);
    }
}

/// The balloon stays frozen until the device offers all required features again.
#[test]
fn a_balloon_is_not_restored_if_the_device_lacks_a_required_feature() {
    let (device, platform, ledger) = start(features::BALLOON);
    let mut balloon = probe(&device, platform, Options::new(sets::AllRequired).poison_value(1));
    device.set_target(500);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    let accepted = device.accepted_features();
    assert_eq!(accepted, features::BALLOON | features::VERSION_1);
    let mut frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
    for bit in 0..6 {
        device.inject(RegisterFault::Features(accepted & !(1 << bit)));
        let failed = frozen.restore(&mut crate::common::polls()).unwrap_err();
        let ProbeError::Setup(SetupError::Negotiate(NegotiateError::NotOffered { bit: missing, .. })) = failed.error
        else {
            panic!("{bit}: {}", failed.error)
        };
        assert_eq!((missing, device.status() & 4), (bit, 0));
        assert_reset(&device, &ledger);
        frozen = failed.balloon;
    }
    device.inject(RegisterFault::Features(accepted & !features::VERSION_1));
    let failed = frozen.restore(&mut crate::common::polls()).unwrap_err();
    assert_eq!(failed.error, ProbeError::Setup(SetupError::LegacyOnly));
    device.clear_faults();
    let mut balloon = failed.balloon.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    assert_eq!(device.accepted_features(), accepted, "the same features as before");
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert_eq!((balloon.size(), device.actual()), (Pages(500), 500));
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

#[test]
fn a_balloon_is_restored_if_the_device_lacks_only_optional_features() {
    let (device, platform, ledger) = start(features::BALLOON);
    let mut balloon = probe(&device, platform, Options::new(sets::OnOom));
    assert!(balloon.deflate_on_oom().is_some());
    let frozen = balloon.freeze(&mut spin()).map_err(|live| live.error).unwrap();
    device.inject(RegisterFault::Features(features::VERSION_1));
    let mut balloon = frozen.restore(&mut crate::common::polls()).map_err(|failed| failed.error).unwrap();
    assert!(balloon.deflate_on_oom().is_none());
    assert_eq!(device.accepted_features(), features::VERSION_1);
    device.set_target(50);
    assert_eq!(settle(&mut balloon), Step::OnTarget);
    assert!(ledger.managed().calls > 0, "without DEFLATE_ON_OOM the managed-page count follows the balloon");
    assert_eq!(device.actual(), 50);
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}
