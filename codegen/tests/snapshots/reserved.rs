/// Features of all devices.
///
/// Features of all device types.
pub mod reserved {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// A mask of features.
    #[::aerostat_spec::__private::bitfield(u64)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct FeatureBits {
        #[bits(32)]
        __: u64,
        /// `VIRTIO_F_VERSION_1`
        pub version_1: bool,
        #[bits(31)]
        __: u64,
    }
    /// The features. Each is a type.
    pub mod feature {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// `VIRTIO_F_VERSION_1`, bit 32.
        #[doc(alias = "VIRTIO_F_VERSION_1")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Version1;
        impl ::aerostat_spec::Feature for Version1 {
            type Owner = ::aerostat_spec::Reserved;
            type Index = (
                ::aerostat_spec::__private::digit::Digit4,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 32;
            const NAME: &'static str = "VIRTIO_F_VERSION_1";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::Reserved;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Version1>(),
            ];
            type High = ();
        }
    }
    #[doc(hidden)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features;
}
