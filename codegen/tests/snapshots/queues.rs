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
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[
            <queue::Switch as ::aerostat_spec::Queue>::SPEC,
            <queue::Timer as ::aerostat_spec::Queue>::SPEC,
        ];
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
        /// `VIRTIO_LAMP_F_TIMER`, bit 0.
        #[doc(alias = "VIRTIO_LAMP_F_TIMER")]
        #[derive(Clone, Copy, Debug)]
        pub struct Timer;
        impl ::aerostat_spec::Feature for Timer {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 0;
            const NAME: &'static str = "VIRTIO_LAMP_F_TIMER";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Timer>(),
            ];
            type High = ();
        }
    }
    #[doc(hidden)]
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Features;
    /// The queues. Each is a type.
    pub mod queue {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// Switches the lamp.
        ///
        /// The queue `switch`. Its index is 0.
        #[derive(Clone, Copy, Debug)]
        pub struct Switch;
        impl ::aerostat_spec::Queue for Switch {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "switch",
                index: 0,
                needs: 0,
            };
        }
        /// The queue `timer`. Its index is 2.
        ///
        /// Exists only with [`Timer`](super::feature::Timer). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct Timer {
            negotiated: (),
        }
        impl Timer {
            /// Makes the value from the proof that [`Timer`](super::feature::Timer) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Timer>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for Timer {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "timer",
                index: 2,
                needs: 1 << <super::feature::Timer as ::aerostat_spec::Feature>::BIT,
            };
        }
    }
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
