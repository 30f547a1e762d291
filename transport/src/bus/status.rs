//! The device status field ("Device Status Field", 2.1).

use core::ops::BitOr;

use aerostat_spec::status::Status as Bits;

/// Device status bits. Bits without a name are kept.
#[doc(alias = "VIRTIO_CONFIG_S")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u8);

impl Status {
    /// No bits: the device is reset.
    pub const RESET: Self = Self(0);
    /// The driver has noticed the device.
    #[doc(alias = "VIRTIO_CONFIG_S_ACKNOWLEDGE")]
    pub const ACKNOWLEDGE: Self = Self(Bits::new().with_acknowledge(true).into_bits());
    /// The driver knows how to drive the device.
    #[doc(alias = "VIRTIO_CONFIG_S_DRIVER")]
    pub const DRIVER: Self = Self(Bits::new().with_driver(true).into_bits());
    /// The driver has set up the device.
    #[doc(alias = "VIRTIO_CONFIG_S_DRIVER_OK")]
    pub const DRIVER_OK: Self = Self(Bits::new().with_driver_ok(true).into_bits());
    /// Feature negotiation is complete.
    #[doc(alias = "VIRTIO_CONFIG_S_FEATURES_OK")]
    pub const FEATURES_OK: Self = Self(Bits::new().with_features_ok(true).into_bits());
    /// The device has failed and needs a reset.
    #[doc(alias = "VIRTIO_CONFIG_S_NEEDS_RESET")]
    pub const NEEDS_RESET: Self = Self(Bits::new().with_needs_reset(true).into_bits());
    /// The driver has given up on the device.
    #[doc(alias = "VIRTIO_CONFIG_S_FAILED")]
    pub const FAILED: Self = Self(Bits::new().with_failed(true).into_bits());

    /// All bits. No device has this status: the device is gone, and its registers read all ones.
    pub const GONE: Self = Self(u8::MAX);

    /// Returns whether the device is gone, see [`Status::GONE`].
    pub const fn is_gone(self) -> bool {
        self.0 == Self::GONE.0
    }

    /// Returns whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Status {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
