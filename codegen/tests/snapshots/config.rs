/// Bindings of the device type 63.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    /// The device type `lamp`, number 63.
    #[derive(Debug)]
    pub enum Device {}
    impl ::aerostat_spec::Device for Device {
        const ID: ::aerostat_spec::DeviceId = ::aerostat_spec::DeviceId(63);
        const NAME: &'static str = "lamp";
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[];
        type Config = config::Space;
        type Refused = Features;
    }
    /// The features as a mask.
    #[::aerostat_spec::__private::bitfield(u64)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct FeatureBits {
        /// `VIRTIO_LAMP_F_TIMER`
        pub timer: bool,
        #[bits(63)]
        __: u64,
    }
    /// The features, each as a type.
    pub mod feature {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// `VIRTIO_LAMP_F_TIMER`, bit 0.
        #[doc(alias = "VIRTIO_LAMP_F_TIMER")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Timer;
        impl ::aerostat_spec::Feature for Timer {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const BIT: u32 = 0;
            const NAME: &'static str = "VIRTIO_LAMP_F_TIMER";
            const REQUIRES: u64 = 0x0;
        }
    }
    /// The features with a level for each, refused where nothing else is said.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features<Timer = ::aerostat_spec::Refused>(
        ::aerostat_spec::__private::core::marker::PhantomData<(Timer,)>,
    );
    impl<Timer: ::aerostat_spec::Level> ::aerostat_spec::FeatureSet for Features<Timer> {
        const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
            ::aerostat_spec::FeatureEntry::new::<feature::Timer, Timer>(),
        ];
    }
    impl<
        __L: ::aerostat_spec::Level,
    > ::aerostat_spec::__private::described::With<feature::Timer, __L>
    for Features<::aerostat_spec::Refused> {
        type Out = Features<__L>;
    }
    impl<
        __L: ::aerostat_spec::Level,
    > ::aerostat_spec::__private::described::Declares<feature::Timer> for Features<__L> {
        type Level = __L;
    }
    /// The configuration space of `lamp`.
    pub mod config {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block itself: 28 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 28;
            const NAME: &'static str = "config";
        }
        /// How bright it is.
        ///
        /// `level`: `u8` at offset 0x00, read and write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Level;
        impl ::aerostat_spec::Field for Level {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "level";
        }
        impl ::aerostat_spec::__private::described::Readable for Level {}
        impl ::aerostat_spec::__private::described::Writable for Level {}
        impl ::aerostat_spec::__private::described::Settable for Level {}
        /// `mac`: `[u8; 3]` at offset 0x01, read-only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Mac {
            index: usize,
        }
        impl Mac {
            /// How many elements the array has.
            pub const LEN: usize = 3;
            /// The element at `index`, where the array is that long.
            pub const fn at(
                index: usize,
            ) -> ::aerostat_spec::__private::core::option::Option<Self> {
                if index < Self::LEN {
                    ::aerostat_spec::__private::core::option::Option::Some(Self {
                        index,
                    })
                } else {
                    ::aerostat_spec::__private::core::option::Option::None
                }
            }
            /// All elements in order.
            pub fn all() -> [Self; Self::LEN] {
                ::aerostat_spec::__private::core::array::from_fn(|index| Self { index })
            }
            /// Which element this is, from 0.
            pub const fn index(self) -> usize {
                self.index
            }
        }
        impl ::aerostat_spec::Field for Mac {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 1;
            const NAME: &'static str = "mac";
            fn offset(self) -> usize {
                <Self as ::aerostat_spec::Field>::OFFSET
                    + self.index
                        * <<Self as ::aerostat_spec::Field>::Wire as ::aerostat_spec::Wire>::WIDTH
            }
        }
        impl ::aerostat_spec::__private::described::Readable for Mac {}
        /// `limit`: `le16` at offset 0x08, write-only, before DRIVER_OK.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limit;
        impl ::aerostat_spec::Field for Limit {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 8;
            const NAME: &'static str = "limit";
        }
        impl ::aerostat_spec::__private::described::Settable for Limit {}
        /// `zone`: `virtio16` at offset 0x0a, read, and write before DRIVER_OK.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Zone;
        impl ::aerostat_spec::Field for Zone {
            type Block = Space;
            type Wire = ::aerostat_spec::Native<u16>;
            const OFFSET: usize = 10;
            const NAME: &'static str = "zone";
        }
        impl ::aerostat_spec::__private::described::Readable for Zone {}
        impl ::aerostat_spec::__private::described::Settable for Zone {}
        /// `start`: `le64` at offset 0x0c, read-only.
        ///
        /// Exists only with the feature [`Timer`](super::feature::Timer): [`given`](Self::given) makes it from the proof.
        #[doc(alias = "start_time")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Start {
            negotiated: (),
        }
        impl Start {
            /// Allowed by the proof that [`Timer`](super::feature::Timer) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Timer>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Field for Start {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u64>;
            const OFFSET: usize = 12;
            const NAME: &'static str = "start";
        }
        impl ::aerostat_spec::__private::described::Readable for Start {}
        /// `alarms`: `[le32; 2]` at offset 0x14, write-only.
        ///
        /// Exists only with the feature [`Timer`](super::feature::Timer): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Alarms {
            index: usize,
        }
        impl Alarms {
            /// How many elements the array has.
            pub const LEN: usize = 2;
            /// All elements in order, allowed by the proof that [`Timer`](super::feature::Timer) was negotiated.
            pub fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Timer>,
            ) -> [Self; Self::LEN] {
                ::aerostat_spec::__private::core::array::from_fn(|index| Self { index })
            }
            /// Which element this is, from 0.
            pub const fn index(self) -> usize {
                self.index
            }
        }
        impl ::aerostat_spec::Field for Alarms {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 20;
            const NAME: &'static str = "alarms";
            fn offset(self) -> usize {
                <Self as ::aerostat_spec::Field>::OFFSET
                    + self.index
                        * <<Self as ::aerostat_spec::Field>::Wire as ::aerostat_spec::Wire>::WIDTH
            }
        }
        impl ::aerostat_spec::__private::described::Writable for Alarms {}
        impl ::aerostat_spec::__private::described::Settable for Alarms {}
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Level as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 1
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Mac as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH
            * 3, 3
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Limit as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 2
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Zone as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 2
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Start as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 8
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Alarms as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH * 2, 8
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Level as ::aerostat_spec::Field > ::OFFSET + << Level as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= < Mac
            as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Mac as ::aerostat_spec::Field > ::OFFSET + << Mac as ::aerostat_spec::Field
            > ::Wire as ::aerostat_spec::Wire > ::WIDTH * 3 <= < Limit as
            ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Limit as ::aerostat_spec::Field > ::OFFSET + << Limit as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= < Zone
            as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Zone as ::aerostat_spec::Field > ::OFFSET + << Zone as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= < Start
            as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Start as ::aerostat_spec::Field > ::OFFSET + << Start as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
            Alarms as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            < Alarms as ::aerostat_spec::Field > ::OFFSET + << Alarms as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH * 2, <
            Space as ::aerostat_spec::Block > ::LEN
        );
    }
}
