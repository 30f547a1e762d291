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
            <queue::Event as ::aerostat_spec::Queue>::SPEC,
        ];
        const COMPUTED_QUEUES: &'static [::aerostat_spec::ComputedQueues] = &[
            ::aerostat_spec::ComputedQueues {
                spec: <queue::Receive as ::aerostat_spec::Queue>::SPEC,
                step: ::aerostat_spec::__private::core::num::NonZeroU16::new(2),
            },
            ::aerostat_spec::ComputedQueues {
                spec: <queue::Transmit as ::aerostat_spec::Queue>::SPEC,
                step: ::aerostat_spec::__private::core::num::NonZeroU16::new(2),
            },
            ::aerostat_spec::ComputedQueues {
                spec: <queue::Control as ::aerostat_spec::Queue>::SPEC,
                step: ::aerostat_spec::__private::core::option::Option::None,
            },
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
        /// `VIRTIO_LAMP_F_MQ`, bit 0.
        #[doc(alias = "VIRTIO_LAMP_F_MQ")]
        #[derive(Clone, Copy, Debug)]
        pub struct Mq;
        impl ::aerostat_spec::Feature for Mq {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 0;
            const NAME: &'static str = "VIRTIO_LAMP_F_MQ";
            const REQUIRES: u64 = 0x0;
        }
        /// `VIRTIO_LAMP_F_CTRL`, bit 1.
        #[doc(alias = "VIRTIO_LAMP_F_CTRL")]
        #[derive(Clone, Copy, Debug)]
        pub struct Ctrl;
        impl ::aerostat_spec::Feature for Ctrl {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit1,
            );
            const BIT: u32 = 1;
            const NAME: &'static str = "VIRTIO_LAMP_F_CTRL";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Mq>(),
                ::aerostat_spec::FeatureEntry::new::<Ctrl>(),
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
        /// Events.
        ///
        /// The queue `event`. Its index is 1.
        ///
        /// The device writes its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Event;
        impl ::aerostat_spec::Queue for Event {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceWrites;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "event",
                index: 1,
                needs: 0,
            };
        }
        /// The queues `receive`. The index of queue n is 2 * n + 4.
        ///
        /// Exists only with [`Mq`](super::feature::Mq). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Receive {
            index: u16,
        }
        impl Receive {
            /// Returns the queue with the number `n`, from 1 on and below `pairs` of the configuration space. Returns `None` for another number.
            #[allow(clippy::unnecessary_cast)]
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Mq>,
                n: u16,
                pairs: u16,
            ) -> ::aerostat_spec::__private::core::option::Option<Self> {
                match ::aerostat_spec::__private::queue_index(
                    2,
                    4,
                    n as u64,
                    1,
                    ::aerostat_spec::__private::core::option::Option::Some(pairs as u64),
                ) {
                    ::aerostat_spec::__private::core::option::Option::Some(index) => {
                        ::aerostat_spec::__private::core::option::Option::Some(Self {
                            index,
                        })
                    }
                    ::aerostat_spec::__private::core::option::Option::None => {
                        ::aerostat_spec::__private::core::option::Option::None
                    }
                }
            }
        }
        impl ::aerostat_spec::Queue for Receive {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "receive",
                index: 6,
                needs: 1 << <super::feature::Mq as ::aerostat_spec::Feature>::BIT,
            };
            fn spec(self) -> ::aerostat_spec::QueueSpec {
                ::aerostat_spec::QueueSpec {
                    index: self.index,
                    ..Self::SPEC
                }
            }
        }
        /// The queues `transmit`. The index of queue n is 2 * n + 5.
        ///
        /// The device reads its buffers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Transmit {
            index: u16,
        }
        impl Transmit {
            /// Returns the queue with the number `n`, from 1 on and below `pairs` of the configuration space. Returns `None` for another number.
            #[allow(clippy::unnecessary_cast)]
            pub const fn at(
                n: u16,
                pairs: u16,
            ) -> ::aerostat_spec::__private::core::option::Option<Self> {
                match ::aerostat_spec::__private::queue_index(
                    2,
                    5,
                    n as u64,
                    1,
                    ::aerostat_spec::__private::core::option::Option::Some(pairs as u64),
                ) {
                    ::aerostat_spec::__private::core::option::Option::Some(index) => {
                        ::aerostat_spec::__private::core::option::Option::Some(Self {
                            index,
                        })
                    }
                    ::aerostat_spec::__private::core::option::Option::None => {
                        ::aerostat_spec::__private::core::option::Option::None
                    }
                }
            }
        }
        impl ::aerostat_spec::Queue for Transmit {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceReads;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "transmit",
                index: 7,
                needs: 0,
            };
            fn spec(self) -> ::aerostat_spec::QueueSpec {
                ::aerostat_spec::QueueSpec {
                    index: self.index,
                    ..Self::SPEC
                }
            }
        }
        /// The queue `control`. Its index is 2 * pairs + 6.
        ///
        /// Exists only with [`Ctrl`](super::feature::Ctrl). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Control {
            index: u16,
        }
        impl Control {
            /// Returns the queue for the value of `pairs` in the configuration space. Returns `None` if the index does not fit into 16 bits.
            #[allow(clippy::unnecessary_cast)]
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Ctrl>,
                pairs: u16,
            ) -> ::aerostat_spec::__private::core::option::Option<Self> {
                match ::aerostat_spec::__private::queue_index(
                    2,
                    6,
                    pairs as u64,
                    0,
                    ::aerostat_spec::__private::core::option::Option::None,
                ) {
                    ::aerostat_spec::__private::core::option::Option::Some(index) => {
                        ::aerostat_spec::__private::core::option::Option::Some(Self {
                            index,
                        })
                    }
                    ::aerostat_spec::__private::core::option::Option::None => {
                        ::aerostat_spec::__private::core::option::Option::None
                    }
                }
            }
        }
        impl ::aerostat_spec::Queue for Control {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "control",
                index: 8,
                needs: 1 << <super::feature::Ctrl as ::aerostat_spec::Feature>::BIT,
            };
            fn spec(self) -> ::aerostat_spec::QueueSpec {
                ::aerostat_spec::QueueSpec {
                    index: self.index,
                    ..Self::SPEC
                }
            }
        }
    }
    /// The configuration space of `lamp`.
    pub mod config {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block. Its size is 2 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 2;
            const NAME: &'static str = "config";
        }
        /// `pairs`: `le16` at offset 0x00, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct Pairs;
        impl ::aerostat_spec::Field for Pairs {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "pairs";
        }
        impl ::aerostat_spec::__private::described::Readable for Pairs {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Pairs as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                < Pairs as ::aerostat_spec::Field > ::OFFSET + << Pairs as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
}
/// Bindings of virtio device type 62.
pub mod fan {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The device type `fan`. Its virtio device id is 62.
    #[derive(Debug)]
    pub enum Device {}
    impl ::aerostat_spec::Device for Device {
        const ID: ::aerostat_spec::DeviceId = ::aerostat_spec::DeviceId(62);
        const NAME: &'static str = "fan";
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[];
        const COMPUTED_QUEUES: &'static [::aerostat_spec::ComputedQueues] = &[
            ::aerostat_spec::ComputedQueues {
                spec: <queue::Request as ::aerostat_spec::Queue>::SPEC,
                step: ::aerostat_spec::__private::core::num::NonZeroU16::new(1),
            },
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
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[];
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
        /// The queues `request`. The index of queue n is n + 2.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Request {
            index: u16,
        }
        impl Request {
            /// Returns the queue with the number `n`, from 0 on. Returns `None` for another number, or if the index does not fit into 16 bits.
            #[allow(clippy::unnecessary_cast)]
            pub const fn at(
                n: u16,
            ) -> ::aerostat_spec::__private::core::option::Option<Self> {
                match ::aerostat_spec::__private::queue_index(
                    1,
                    2,
                    n as u64,
                    0,
                    ::aerostat_spec::__private::core::option::Option::None,
                ) {
                    ::aerostat_spec::__private::core::option::Option::Some(index) => {
                        ::aerostat_spec::__private::core::option::Option::Some(Self {
                            index,
                        })
                    }
                    ::aerostat_spec::__private::core::option::Option::None => {
                        ::aerostat_spec::__private::core::option::Option::None
                    }
                }
            }
        }
        impl ::aerostat_spec::Queue for Request {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "request",
                index: 2,
                needs: 0,
            };
            fn spec(self) -> ::aerostat_spec::QueueSpec {
                ::aerostat_spec::QueueSpec {
                    index: self.index,
                    ..Self::SPEC
                }
            }
        }
    }
    /// The configuration space of `fan`.
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
