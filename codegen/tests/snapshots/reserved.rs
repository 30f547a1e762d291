/// Features of all devices.
///
/// Features of all device types.
pub mod reserved {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// A mask of features.
    pub type FeatureBits = ::aerostat_spec::FeatureMask<Features>;
    /// The features. Each is a type.
    pub mod feature {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// `VIRTIO_F_VERSION_1`, bit 32.
        #[doc(alias = "VIRTIO_F_VERSION_1")]
        #[derive(Clone, Copy, Debug)]
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
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Features;
}
