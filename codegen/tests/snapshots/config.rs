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
        /// `VIRTIO_LAMP_F_PARTY`, bit 1.
        #[doc(alias = "VIRTIO_LAMP_F_PARTY")]
        #[derive(Clone, Copy, Debug)]
        pub struct Party;
        impl ::aerostat_spec::Feature for Party {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit1,
            );
            const BIT: u32 = 1;
            const NAME: &'static str = "VIRTIO_LAMP_F_PARTY";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Timer>(),
                ::aerostat_spec::FeatureEntry::new::<Party>(),
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
        /// The block. Its size is 33 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 33;
            const NAME: &'static str = "config";
        }
        /// The current brightness.
        ///
        /// `level`: `u8` at offset 0x00, read-write.
        #[derive(Clone, Copy, Debug)]
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
            /// The length of the array.
            pub const LEN: usize = 3;
            /// Returns the element at `index`, or `None` if the array is shorter.
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
            /// Returns all elements in order.
            pub fn all() -> [Self; Self::LEN] {
                ::aerostat_spec::__private::core::array::from_fn(|index| Self { index })
            }
            /// Returns the index of this element.
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
        /// `limit`: `le16` at offset 0x08, write-only before DRIVER_OK.
        #[derive(Clone, Copy, Debug)]
        pub struct Limit;
        impl ::aerostat_spec::Field for Limit {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 8;
            const NAME: &'static str = "limit";
        }
        impl ::aerostat_spec::__private::described::Settable for Limit {}
        /// `zone`: `virtio16` at offset 0x0a, read-write before DRIVER_OK, then read-only.
        #[derive(Clone, Copy, Debug)]
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
        /// Exists only with [`Timer`](super::feature::Timer). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[doc(alias = "start_time")]
        #[derive(Clone, Copy, Debug)]
        pub struct Start {
            negotiated: (),
        }
        impl Start {
            /// Makes the value from the proof that [`Timer`](super::feature::Timer) was negotiated.
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
        /// Exists only with [`Timer`](super::feature::Timer). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Alarms {
            index: usize,
        }
        impl Alarms {
            /// The length of the array.
            pub const LEN: usize = 2;
            /// Makes all elements, in order, from the proof that [`Timer`](super::feature::Timer) was negotiated.
            pub fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::Timer>,
            ) -> [Self; Self::LEN] {
                ::aerostat_spec::__private::core::array::from_fn(|index| Self { index })
            }
            /// Returns the index of this element.
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
        /// `guests`: `le16` at offset 0x1c, read-only.
        ///
        /// Exists only with [`Party`](super::feature::Party) or [`Timer`](super::feature::Timer). [`given`](Self::given) makes it from the proof of any of them.
        #[derive(Clone, Copy, Debug)]
        pub struct Guests {
            negotiated: (),
        }
        impl Guests {
            /// Makes the value from the proof that [`Party`](super::feature::Party) or [`Timer`](super::feature::Timer) was negotiated.
            pub const fn given<F: ::aerostat_spec::__private::described::Gives<Self>>(
                _proof: ::aerostat_spec::Negotiated<F>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::__private::described::Gives<Guests>
        for super::feature::Party {}
        impl ::aerostat_spec::__private::described::Gives<Guests>
        for super::feature::Timer {}
        impl ::aerostat_spec::Field for Guests {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 28;
            const NAME: &'static str = "guests";
        }
        impl ::aerostat_spec::__private::described::Readable for Guests {}
        /// `tunes`: `[u8; 2]` at offset 0x1e, read-only.
        ///
        /// Exists only with [`Timer`](super::feature::Timer) or [`Party`](super::feature::Party). [`given`](Self::given) makes it from the proof of any of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Tunes {
            index: usize,
        }
        impl Tunes {
            /// The length of the array.
            pub const LEN: usize = 2;
            /// Makes all elements, in order, from the proof that [`Timer`](super::feature::Timer) or [`Party`](super::feature::Party) was negotiated.
            pub fn given<F: ::aerostat_spec::__private::described::Gives<Self>>(
                _proof: ::aerostat_spec::Negotiated<F>,
            ) -> [Self; Self::LEN] {
                ::aerostat_spec::__private::core::array::from_fn(|index| Self { index })
            }
            /// Returns the index of this element.
            pub const fn index(self) -> usize {
                self.index
            }
        }
        impl ::aerostat_spec::__private::described::Gives<Tunes>
        for super::feature::Timer {}
        impl ::aerostat_spec::__private::described::Gives<Tunes>
        for super::feature::Party {}
        impl ::aerostat_spec::Field for Tunes {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 30;
            const NAME: &'static str = "tunes";
            fn offset(self) -> usize {
                <Self as ::aerostat_spec::Field>::OFFSET
                    + self.index
                        * <<Self as ::aerostat_spec::Field>::Wire as ::aerostat_spec::Wire>::WIDTH
            }
        }
        impl ::aerostat_spec::__private::described::Readable for Tunes {}
        /// `reserved`: `u8` at offset 0x20, no access.
        #[derive(Clone, Copy, Debug)]
        pub struct Reserved;
        impl ::aerostat_spec::Field for Reserved {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 32;
            const NAME: &'static str = "reserved";
        }
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Level as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                << Mac as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH * 3 == 3
            );
            ::aerostat_spec::__private::core::assert!(
                << Limit as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << Zone as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << Start as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 8
            );
            ::aerostat_spec::__private::core::assert!(
                << Alarms as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH * 2 == 8
            );
            ::aerostat_spec::__private::core::assert!(
                << Guests as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << Tunes as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH * 2 == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << Reserved as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                < Level as ::aerostat_spec::Field > ::OFFSET + << Level as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Mac as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Mac as ::aerostat_spec::Field > ::OFFSET + << Mac as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH * 3 <=
                < Limit as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Limit as ::aerostat_spec::Field > ::OFFSET + << Limit as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Zone as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Zone as ::aerostat_spec::Field > ::OFFSET + << Zone as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Start as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Start as ::aerostat_spec::Field > ::OFFSET + << Start as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Alarms as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Alarms as ::aerostat_spec::Field > ::OFFSET + << Alarms as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH * 2 <=
                < Guests as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Guests as ::aerostat_spec::Field > ::OFFSET + << Guests as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Tunes as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Tunes as ::aerostat_spec::Field > ::OFFSET + << Tunes as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH * 2 <=
                < Reserved as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Reserved as ::aerostat_spec::Field > ::OFFSET + << Reserved as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
}
