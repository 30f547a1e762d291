/// Bindings of virtio device type 63.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    use ::aerostat_spec::__private::zerocopy;
    /// The device type `lamp`. Its virtio device id is 63.
    #[derive(Debug)]
    pub enum Device {}
    impl ::aerostat_spec::Device for Device {
        const ID: ::aerostat_spec::DeviceId = ::aerostat_spec::DeviceId(63);
        const NAME: &'static str = "lamp";
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[
            <queue::Plain as ::aerostat_spec::Queue>::SPEC,
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
        /// `VIRTIO_LAMP_F_LOW`, bit 63.
        #[doc(alias = "VIRTIO_LAMP_F_LOW")]
        #[derive(Clone, Copy, Debug)]
        pub struct Low;
        impl ::aerostat_spec::Feature for Low {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit7,
                ::aerostat_spec::__private::digit::Digit7,
            );
            const BIT: u32 = 63;
            const NAME: &'static str = "VIRTIO_LAMP_F_LOW";
            const REQUIRES: u64 = 0x0;
        }
        /// `VIRTIO_LAMP_F_HIGH`, bit 64.
        ///
        /// Requires [`Low`].
        #[doc(alias = "VIRTIO_LAMP_F_HIGH")]
        #[derive(Clone, Copy, Debug)]
        pub struct High;
        impl ::aerostat_spec::Feature for High {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::High,
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 64;
            const NAME: &'static str = "VIRTIO_LAMP_F_HIGH";
            const REQUIRES: u64 = 0x8000000000000000;
        }
        /// `VIRTIO_LAMP_F_HIGHEST`, bit 127.
        ///
        /// Requires [`Low`] or [`High`].
        #[doc(alias = "VIRTIO_LAMP_F_HIGHEST")]
        #[derive(Clone, Copy, Debug)]
        pub struct Highest;
        impl ::aerostat_spec::Feature for Highest {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::High,
                ::aerostat_spec::__private::digit::Digit7,
                ::aerostat_spec::__private::digit::Digit7,
            );
            const BIT: u32 = 127;
            const NAME: &'static str = "VIRTIO_LAMP_F_HIGHEST";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Low>(),
            ];
            const WIDE: &'static [::aerostat_spec::__private::WideEntry] = &[
                ::aerostat_spec::__private::WideEntry {
                    bit: <Low as ::aerostat_spec::Feature>::BIT,
                    name: <Low as ::aerostat_spec::Feature>::NAME,
                    requires: 0x0,
                    requires_any: &[],
                },
                ::aerostat_spec::__private::WideEntry {
                    bit: <High as ::aerostat_spec::Feature>::BIT,
                    name: <High as ::aerostat_spec::Feature>::NAME,
                    requires: 0x8000000000000000,
                    requires_any: &[],
                },
                ::aerostat_spec::__private::WideEntry {
                    bit: <Highest as ::aerostat_spec::Feature>::BIT,
                    name: <Highest as ::aerostat_spec::Feature>::NAME,
                    requires: 0x0,
                    requires_any: &[0x18000000000000000],
                },
            ];
            type High = ::aerostat_spec::__private::WideBits;
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
        /// The queue `plain`. Its index is 0.
        #[derive(Clone, Copy, Debug)]
        pub struct Plain;
        impl ::aerostat_spec::Queue for Plain {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "plain",
                index: 0,
                needs: 0,
            };
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
        /// `both`: `u8` at offset 0x00, read-only.
        ///
        /// Exists only with [`Low`](super::feature::Low) or [`High`](super::feature::High). [`given`](Self::given) makes it from the proof of any of them.
        #[derive(Clone, Copy, Debug)]
        pub struct Both {
            negotiated: (),
        }
        impl Both {
            /// Makes the value from the proof that [`Low`](super::feature::Low) or [`High`](super::feature::High) was negotiated.
            pub const fn given<F: ::aerostat_spec::__private::described::Gives<Self>>(
                _proof: ::aerostat_spec::Negotiated<F>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::__private::described::Gives<Both> for super::feature::Low {}
        impl ::aerostat_spec::__private::described::Gives<Both>
        for super::feature::High {}
        impl ::aerostat_spec::Field for Both {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "both";
        }
        impl ::aerostat_spec::__private::described::Readable for Both {}
        /// `one`: `u8` at offset 0x01, read-only.
        ///
        /// Exists only with [`Highest`](super::feature::Highest). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct One {
            negotiated: (),
        }
        impl One {
            /// Makes the value from the proof that [`Highest`](super::feature::Highest) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Highest>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Field for One {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 1;
            const NAME: &'static str = "one";
        }
        impl ::aerostat_spec::__private::described::Readable for One {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Both as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                << One as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                < Both as ::aerostat_spec::Field > ::OFFSET + << Both as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                One as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < One as ::aerostat_spec::Field > ::OFFSET + << One as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
    /// The shared memory regions. Each is a type.
    pub mod shared_memory {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The shared memory region `cache`. Its id is 0.
        ///
        /// Exists only with [`Low`](super::feature::Low). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct Cache {
            negotiated: (),
        }
        impl Cache {
            /// Makes the value from the proof that [`Low`](super::feature::Low) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Low>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::SharedMemoryRegion for Cache {
            type Device = super::Device;
            const ID: u8 = 0;
            const NAME: &'static str = "cache";
        }
        /// The frame.
        ///
        /// The shared memory region `frame`. Its id is 1.
        #[doc(alias = "LAMP_FRAME")]
        #[derive(Clone, Copy, Debug)]
        pub struct Frame;
        impl ::aerostat_spec::SharedMemoryRegion for Frame {
            type Device = super::Device;
            const ID: u8 = 1;
            const NAME: &'static str = "frame";
        }
    }
    /// What the layout of a [`Cmd`] depends on. It does not change while the device is live.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CmdContext {
        with_high: bool,
        with_high_or_low: bool,
    }
    impl CmdContext {
        /// Makes it from the negotiated features.
        pub fn new<S: ::aerostat_spec::FeatureSet<Device = Features>>(
            accepted: &::aerostat_spec::Accepted<S>,
        ) -> Self {
            Self {
                with_high: accepted.has(feature::High),
                with_high_or_low: accepted.has(feature::High)
                    || accepted.has(feature::Low),
            }
        }
    }
    /// The request `cmd`. The device writes no answer.
    ///
    /// It goes into the queue [`Plain`](queue::Plain).
    #[derive(Clone, Copy, Debug)]
    pub struct Cmd {
        /// What the request depends on.
        pub context: CmdContext,
        /// `a`: `u8`.
        ///
        /// Exists only with [`High`](feature::High).
        pub a: u8,
        /// `b`: `u8`.
        ///
        /// Exists only with [`High`](feature::High) or [`Low`](feature::Low).
        pub b: u8,
    }
    impl ::aerostat_spec::RequestOn<queue::Plain> for Cmd {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl ::aerostat_spec::Request for Cmd {
        type Shape = ();
        type Answer<'a> = ();
        fn shape(&self) -> () {}
        fn encode(
            &self,
            __put: &mut dyn ::aerostat_spec::__private::core::ops::FnMut(&[u8]),
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::RequestError,
        > {
            if self.context.with_high {
                {
                    let __stored: u8 = self.a;
                    __put(zerocopy::IntoBytes::as_bytes(&__stored));
                }
            }
            if self.context.with_high_or_low {
                {
                    let __stored: u8 = self.b;
                    __put(zerocopy::IntoBytes::as_bytes(&__stored));
                }
            }
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
        fn answer_len(_: &()) -> usize {
            0
        }
        fn decode<'a>(
            _: &(),
            _: &'a [u8],
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::AnswerError,
        > {
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
    }
}
