//! Reserved features that this crate does not implement are not accepted, even if driver and device want them.

use std::rc::Rc;

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{AdminVq, NotifConfigData, SrIov, Suspend};
use aerostat_spec::{Feature, NegotiateError};
use aerostat_test_support::{BarRegisters, SoftMmio, SoftPci, test_device};
use aerostat_transport::pci::Routing;
use aerostat_transport::{Device, LegacyMmio, Mmio, Pci, SetupError, Transport};

aerostat_spec::feature_set! {
    struct Wished for test_device { SrIov: Optional, NotifConfigData: Optional, AdminVq: Optional, Suspend: Optional }
}
aerostat_spec::feature_set! { struct NeedsSrIov for test_device { SrIov: Required } }
aerostat_spec::feature_set! { struct NeedsNotifConfigData for test_device { NotifConfigData: Required } }
aerostat_spec::feature_set! { struct NeedsAdminVq for test_device { AdminVq: Required } }
aerostat_spec::feature_set! { struct NeedsSuspend for test_device { Suspend: Required } }

/// Returns the accepted features of a device that offers everything, or why negotiation failed.
fn negotiate<F: FeatureSet>(transport: impl Transport) -> Result<u64, SetupError> {
    let device = Device::<_, test_device::Device, _>::take(transport).map_err(|failed| failed.error)?;
    let device = device.poll().map_err(|(_, error)| error)?.acknowledge().driver();
    device.negotiate::<F>().map(|device| device.accepted().bits()).map_err(|failed| failed.error)
}

fn mmio() -> Mmio<SoftMmio> {
    let soft = SoftMmio::new(42);
    soft.model().offered = u64::MAX;
    Mmio::new(soft).map_err(|(_, error)| error).unwrap()
}

fn legacy_mmio() -> LegacyMmio<SoftMmio> {
    let soft = SoftMmio::legacy(42);
    soft.model().offered = u64::MAX;
    LegacyMmio::new(soft).map_err(|(_, error)| error).unwrap()
}

fn pci() -> Pci<BarRegisters, SoftPci> {
    let function = SoftPci::with_structures();
    function.device.borrow_mut().offered = u64::MAX;
    Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap()
}

// conformance: core.feature.7, core.reserved.9, core.reserved.10, mmio.reserved.1
#[test]
fn an_optional_feature_without_an_implementation_is_not_accepted() {
    assert_eq!(negotiate::<Wished>(mmio()), Ok(0));
    assert_eq!(negotiate::<Wished>(legacy_mmio()), Ok(0));
    assert_eq!(negotiate::<Wished>(pci()), Ok(0));
}

// conformance: core.feature.7, core.reserved.9, core.reserved.10, mmio.reserved.1
#[test]
fn a_required_feature_without_an_implementation_fails() {
    fn check<X: Feature, F: FeatureSet>() {
        let expected = Err(SetupError::Negotiate(NegotiateError::Unsupported { name: X::NAME, bit: X::BIT }));
        assert_eq!(negotiate::<F>(mmio()), expected);
        assert_eq!(negotiate::<F>(pci()), expected);
        assert!(negotiate::<F>(legacy_mmio()).is_err());
    }
    check::<SrIov, NeedsSrIov>();
    check::<NotifConfigData, NeedsNotifConfigData>();
    check::<AdminVq, NeedsAdminVq>();
    check::<Suspend, NeedsSuspend>();
}
