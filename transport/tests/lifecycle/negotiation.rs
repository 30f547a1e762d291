//! Feature negotiation.

use aerostat_spec::{NegotiateError, reserved};
use aerostat_test_support::{Plain, RequiresFeature0, SoftMmio, reg, test_device};
use aerostat_transport::{SetupError, SetupFailed};

use super::{FAILED, TestDevice, take};

/// No compatible mode, so FAILED, and the transport comes back.
// conformance: core.status.3, core.feature.10, core.feature.11, core.legacy-feature.1, core.init.9, core.init.12
// conformance: core.init.13, core.reserved.2
#[test]
fn a_failed_negotiation_sets_failed_and_returns_the_transport() {
    let soft = SoftMmio::new(42);
    let error = take(&soft).acknowledge().driver().negotiate::<RequiresFeature0>().unwrap_err();
    let SetupError::Negotiate(NegotiateError::NotOffered { bit, .. }) = error.error else { panic!("{}", error.error) };
    assert_eq!((bit, soft.statuses()), (0, vec![0, 1, 3, FAILED | 3]));
    assert!(soft.written(reg::DRIVER_FEATURES).is_empty(), "nothing was accepted");

    let soft = SoftMmio::new(42);
    soft.model().offered = !(1 << 32);
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!((failed.error, soft.statuses()), (SetupError::LegacyOnly, vec![0, 1, 3, FAILED | 3]));

    let soft = SoftMmio::new(42);
    soft.model().ignored_status = 8;
    let failed = take(&soft).acknowledge().driver().negotiate::<Plain>().unwrap_err();
    assert_eq!(failed.error, SetupError::FeaturesRejected { accepted: 1 << 32 });
    assert_eq!(soft.statuses(), [0, 1, 3, 11, FAILED | 11]);
    // A new attempt starts with a reset.
    soft.model().ignored_status = 0;
    let SetupFailed { transport, .. } = failed;
    let again = TestDevice::take(transport).map_err(|failed| failed.error).unwrap();
    assert_eq!(soft.statuses().last(), Some(&0));
    drop(again);
}

/// VERSION_1 and what was declared, nothing else.
// conformance: core.feature.1, core.feature.4, core.feature.5, core.feature.6, core.feature.7, core.feature.8
// conformance: core.feature.12, core.reserved.1
#[test]
fn only_declared_features_are_accepted() {
    for offered in [u64::MAX, 1 << 32 | 1, 1 << 32 | 3 | 1 << 28 | 1 << 29 | 1 << 34] {
        let soft = SoftMmio::new(42);
        soft.model().offered = offered;
        let device =
            take(&soft).acknowledge().driver().negotiate::<RequiresFeature0>().map_err(|failed| failed.error).unwrap();
        assert_eq!(soft.model().accepted, 1 << 32 | 1, "{offered:#x}");
        assert!(device.accepted().has(test_device::feature::Feature0));
        assert!(
            !device.accepted().has(test_device::feature::Feature1)
                && !device.accepted().has(reserved::feature::RingPacked)
        );
    }
}
