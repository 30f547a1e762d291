/// What all have.
///
/// Features of no device type.
pub mod reserved {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The features as a mask.
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
    /// The features, each as a type.
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
            const BIT: u32 = 32;
            const NAME: &'static str = "VIRTIO_F_VERSION_1";
            const REQUIRES: u64 = 0x0;
        }
    }
    /// The features with a level for each, refused where nothing else is said.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features<Version1 = ::aerostat_spec::Absent>(
        ::aerostat_spec::__private::core::marker::PhantomData<(Version1,)>,
    );
    impl<Version1: ::aerostat_spec::Requirement> ::aerostat_spec::FeatureTable
    for Features<Version1> {
        const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
            ::aerostat_spec::FeatureEntry::new::<feature::Version1, Version1>(),
        ];
    }
    impl<
        __L: ::aerostat_spec::Requirement,
    > ::aerostat_spec::__private::described::WithFeature<feature::Version1, __L>
    for Features<::aerostat_spec::Absent> {
        type Out = Features<__L>;
    }
    impl<
        __L: ::aerostat_spec::Requirement,
    > ::aerostat_spec::__private::described::HasFeature<feature::Version1>
    for Features<__L> {
        type Requirement = __L;
    }
}
