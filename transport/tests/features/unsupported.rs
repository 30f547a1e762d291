//! Reserved features that a device offers and a driver declares, but the transport does not implement.

use std::rc::Rc;

use aerostat_spec::reserved::feature::{AdminVq, NotifConfigData, SrIov, Suspend};
use aerostat_spec::{Feature, FeatureSet, NegotiateError};
use aerostat_test_support::{BarRegisters, SoftMmio, SoftPci, test_device};
use aerostat_transport::pci::Routing;
use aerostat_transport::{Device, Mmio, Pci, SetupError, Transport};

aerostat_spec::feature_set! {
    struct MayUse for test_device { SrIov: Optional, NotifConfigData: Optional, AdminVq: Optional, Suspend: Optional }
}
aerostat_spec::feature_set! { struct NeedsSrIov for test_device { SrIov: Required } }
aerostat_spec::feature_set! { struct NeedsNotifConfigData for test_device { NotifConfigData: Required } }
aerostat_spec::feature_set! { struct NeedsAdminVq for test_device { AdminVq: Required } }
aerostat_spec::feature_set! { struct NeedsSuspend for test_device { Suspend: Required } }

/// Transports of devices that offer all 64 features.
fn mmio() -> (SoftMmio, Mmio<SoftMmio>) {
    let soft = SoftMmio::new(42);
    soft.model().offered = u64::MAX;
    (soft.clone(), Mmio::new(soft).map_err(|(_, error)| error).unwrap())
}

fn pci() -> (SoftPci, Pci<BarRegisters, SoftPci>) {
    let function = SoftPci::with_structures();
    function.device.borrow_mut().offered = u64::MAX;
    let transport = Pci::new(&function.reach(), &mut function.mapper(&Rc::default()), Routing::Line).unwrap();
    (function, transport)
}

/// Negotiates, and returns the accepted features or the error.
fn negotiate<F: FeatureSet>(transport: impl Transport) -> Result<u64, SetupError> {
    let device: Device<_, test_device::Device, _> = Device::take(transport)
        .map_err(|failed| failed.error)?
        .poll()
        .map_err(|(_, error)| error)
        .unwrap()
        .acknowledge()
        .driver();
    device.negotiate::<F>().map(|device| device.accepted().bits()).map_err(|failed| failed.error)
}

/// core.feature.4, core.feature.7: the driver accepts none of them.
#[test]
fn optional_features_that_the_transport_lacks_are_not_accepted() {
    let (soft, transport) = mmio();
    negotiate::<MayUse>(transport).unwrap();
    assert_eq!(soft.model().accepted, 1 << 32, "only VERSION_1");
    let (function, transport) = pci();
    negotiate::<MayUse>(transport).unwrap();
    assert_eq!(function.device.borrow().accepted, 1 << 32);
}

#[test]
fn required_features_that_the_transport_lacks_are_an_error() {
    fn check<F: FeatureSet, R: Feature>() {
        let error = Err(SetupError::Negotiate(NegotiateError::Unsupported { name: R::NAME, bit: R::BIT }));
        let (soft, transport) = mmio();
        assert_eq!(negotiate::<F>(transport), error);
        let (function, transport) = pci();
        assert_eq!(negotiate::<F>(transport), error);
        assert_eq!((soft.model().accepted, function.device.borrow().accepted), (0, 0));
    }
    check::<NeedsSrIov, SrIov>();
    check::<NeedsNotifConfigData, NotifConfigData>();
    check::<NeedsAdminVq, AdminVq>();
    check::<NeedsSuspend, Suspend>();
}
