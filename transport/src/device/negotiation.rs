//! Feature negotiation ("Feature Bits", 2.2).

use aerostat_spec::{self as spec, Accepted, Feature, FeatureSet, Interface, NegotiateError, reserved};

use crate::bus::{FeatureBits, Status, Transport};
use crate::device::error::{Offer, SetupError, SetupFailed};
use crate::device::fail_on_drop::FailOnDrop;
use crate::device::lifecycle::{Device, FeaturesOk, Negotiating};
use crate::device::numbering::{ExistingQueues, is_variable};
use crate::io::Io;

impl<T: Transport, D: spec::Device> Device<T, D, Negotiating> {
    /// Negotiates the features that `F` declares, and VIRTIO_F_VERSION_1. On the legacy interface, negotiates
    /// VIRTIO_F_ANY_LAYOUT instead if the device offers it.
    ///
    /// # Errors
    ///
    /// [`SetupError::LegacyOnly`], [`SetupError::Negotiate`], [`SetupError::FeaturesRejected`], [`SetupError::Bus`],
    /// [`SetupError::Gone`].
    pub fn negotiate<F: FeatureSet>(self) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        self.negotiate_within(|_offer| u64::MAX)
    }

    /// Negotiates like [`Device::negotiate`], but accepts only features in the mask that `usable` returns for the device's
    /// offer. This is for a driver that can use some features only together with others. The mask has bits 0 to 63; features above are
    /// negotiated as declared.
    ///
    /// # Errors
    ///
    /// As for [`Device::negotiate`]. A required feature outside the mask is
    /// [`Unsupported`](spec::NegotiateError::Unsupported).
    pub fn negotiate_within<F: FeatureSet>(
        mut self,
        usable: impl FnOnce(Offer) -> u64,
    ) -> Result<Device<T, D, FeaturesOk<F>>, SetupFailed<T>> {
        let before = match const { is_variable(D::QUEUES, D::COMPUTED_QUEUES, F::DECLARED) } {
            true => self.transport.existing_queues(D::QUEUES),
            false => ExistingQueues::default(),
        };
        match self.transport.negotiate(usable) {
            Ok(accepted) => Ok(self.with_state(FeaturesOk::new(accepted, before))),
            Err(error) => Err(SetupFailed { error, transport: self.transport.fail() }),
        }
    }
}

impl<T: Transport> FailOnDrop<T> {
    fn negotiate<F: FeatureSet>(&mut self, usable: impl FnOnce(Offer) -> u64) -> Result<Accepted<F>, SetupError> {
        let offer = Offer { features: self.offered().into(), config_bytes: self.config().len() };
        let interface_bits = self.interface_bits(offer.features)?;
        let supported = (self.supported() | interface_bits | !RESERVED_BITS) & usable(offer);
        let accepted = match const { F::DECLARED_HIGH == 0 } {
            // SAFETY: the device offers these features, and `confirm` accepts the negotiated ones, or the device has failed.
            true => unsafe { Accepted::<F>::negotiate(offer.features, supported) }?,
            false => self.negotiate_high(offer.features, supported)?,
        };
        self.confirm(accepted.bits() | interface_bits)?;
        self.set_up_bus()?;
        Ok(accepted)
    }

    /// Negotiates all 128 feature bits, and writes those above 63.
    fn negotiate_high<F: FeatureSet>(&mut self, offered: u64, supported: u64) -> Result<Accepted<F>, NegotiateError> {
        let whole = |low: u64, high: u64| u128::from(low) | u128::from(high) << u64::BITS;
        let high = self.offered_high();
        let reached = if high.is_some() { u64::MAX } else { 0 };
        let (offered, supported) = (whole(offered, high.unwrap_or(0)), whole(supported, reached));
        // SAFETY: the device offers these features. The accepted ones above bit 63 are written here, and the others by `confirm`,
        // or the device has failed.
        let accepted = unsafe { Accepted::<F>::negotiate_wide(offered, supported) }?;
        if high.is_some() {
            self.accept_high(accepted.high_bits());
        }
        Ok(accepted)
    }

    /// Returns the feature bit that the interface itself needs, regardless of what the driver declares.
    fn interface_bits(&self, offered: u64) -> Result<u64, SetupError> {
        match self.interface() {
            Interface::Modern if offered & VERSION_1 == 0 => Err(SetupError::LegacyOnly),
            Interface::Modern => Ok(VERSION_1),
            Interface::Legacy => Ok(offered & ANY_LAYOUT),
        }
    }

    /// Writes the accepted features, and on the modern interface has the device confirm them.
    fn confirm(&mut self, bits: u64) -> Result<(), SetupError> {
        self.accept(FeatureBits::truncate(bits));
        match self.interface() {
            Interface::Modern => {
                self.set(Status::FEATURES_OK);
                self.check_features_ok(bits)
            }
            // It has no FEATURES_OK.
            Interface::Legacy => Ok(()),
        }
    }

    fn check_features_ok(&self, accepted: u64) -> Result<(), SetupError> {
        match self.status() {
            status if status.is_gone() => Err(SetupError::Gone),
            status if status.contains(Status::FEATURES_OK) => Ok(()),
            _ => Err(SetupError::FeaturesRejected { accepted }),
        }
    }
}

const VERSION_1: u64 = 1 << reserved::feature::Version1::BIT;
const ANY_LAYOUT: u64 = 1 << reserved::feature::AnyLayout::BIT;

/// The reserved feature bits, 24 to 49 ("Reserved Feature Bits", 6). The transport decides about these; a device's own bits
/// work over every transport.
const RESERVED_BITS: u64 = ((1 << 50) - 1) & !((1 << 24) - 1);
