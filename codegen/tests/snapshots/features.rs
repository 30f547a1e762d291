/// A lamp.
///
/// Bindings of virtio device type 63.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The device type `lamp`. Its virtio device id is 63.
    #[derive(Debug)]
    pub enum Device {}
    impl ::aerostat_spec::Device for Device {
        const ID: ::aerostat_spec::DeviceId = ::aerostat_spec::DeviceId(63);
        const NAME: &'static str = "lamp";
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[];
        type Config = config::Space;
        type Features = Features;
    }
    /// A mask of features.
    pub type FeatureBits = ::aerostat_spec::FeatureMask<Features>;
    /// The features. Each is a type.
    pub mod feature {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The lamp can be dimmed.
        ///
        /// In steps.
        ///
        /// `VIRTIO_LMP_F_DIMMING`, bit 1.
        #[doc(alias = "VIRTIO_LMP_F_DIMMING")]
        #[derive(Clone, Copy, Debug)]
        pub struct Dimming;
        impl ::aerostat_spec::Feature for Dimming {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit1,
            );
            const BIT: u32 = 1;
            const NAME: &'static str = "VIRTIO_LMP_F_DIMMING";
            const REQUIRES: u64 = 0x0;
        }
        /// `VIRTIO_LMP_F_TIMER`, bit 7.
        #[doc(alias = "VIRTIO_LMP_F_TIMER")]
        #[derive(Clone, Copy, Debug)]
        pub struct Timer;
        impl ::aerostat_spec::Feature for Timer {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit7,
            );
            const BIT: u32 = 7;
            const NAME: &'static str = "VIRTIO_LMP_F_TIMER";
            const REQUIRES: u64 = 0x0;
        }
        /// `VIRTIO_LMP_F_PARTY`, bit 8.
        ///
        /// Requires [`Dimming`].
        ///
        /// Requires [`Timer`] or [`Colour`].
        #[doc(alias = "VIRTIO_LMP_F_PARTY")]
        #[derive(Clone, Copy, Debug)]
        pub struct Party;
        impl ::aerostat_spec::Feature for Party {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit1,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 8;
            const NAME: &'static str = "VIRTIO_LMP_F_PARTY";
            const REQUIRES: u64 = 0x2;
            const REQUIRES_ANY: &'static [u64] = &[0x4000000000080];
        }
        /// `VIRTIO_LMP_F_COLOUR`, bit 50.
        ///
        /// Requires [`Dimming`] and [`Timer`].
        #[doc(alias = "VIRTIO_LMP_F_COLOUR")]
        #[doc(alias = "VIRTIO_LMP_F_COLOR")]
        #[derive(Clone, Copy, Debug)]
        pub struct Colour;
        impl ::aerostat_spec::Feature for Colour {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit6,
                ::aerostat_spec::__private::digit::Digit2,
            );
            const BIT: u32 = 50;
            const NAME: &'static str = "VIRTIO_LMP_F_COLOUR";
            const REQUIRES: u64 = 0x82;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Dimming>(),
                ::aerostat_spec::FeatureEntry::new::<Timer>(),
                ::aerostat_spec::FeatureEntry::new::<Party>(),
                ::aerostat_spec::FeatureEntry::new::<Colour>(),
            ];
            type High = ();
        }
    }
    #[doc(hidden)]
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Features;
    /// The configuration space of `lamp`.
    pub mod config {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block. Its size is 0 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 0;
            const NAME: &'static str = "config";
        }
    }
}
