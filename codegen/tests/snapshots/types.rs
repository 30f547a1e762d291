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
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[];
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
        /// The block. Its size is 18 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 18;
            const NAME: &'static str = "config";
        }
        /// `mode`: `mode` at offset 0x00, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct Mode;
        impl ::aerostat_spec::Field for Mode {
            type Block = Space;
            type Wire = ::aerostat_spec::As<super::Mode, ::aerostat_spec::Le<u32>>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "mode";
        }
        impl ::aerostat_spec::__private::described::Readable for Mode {}
        /// `range_low`: `le32` at offset 0x04, read-write.
        #[doc(alias = "range.low")]
        #[derive(Clone, Copy, Debug)]
        pub struct RangeLow;
        impl ::aerostat_spec::Field for RangeLow {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 4;
            const NAME: &'static str = "range_low";
        }
        impl ::aerostat_spec::__private::described::Readable for RangeLow {}
        impl ::aerostat_spec::__private::described::Writable for RangeLow {}
        impl ::aerostat_spec::__private::described::Settable for RangeLow {}
        /// `range_high`: `le32` at offset 0x08, read-write.
        #[doc(alias = "range.high")]
        #[derive(Clone, Copy, Debug)]
        pub struct RangeHigh;
        impl ::aerostat_spec::Field for RangeHigh {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 8;
            const NAME: &'static str = "range_high";
        }
        impl ::aerostat_spec::__private::described::Readable for RangeHigh {}
        impl ::aerostat_spec::__private::described::Writable for RangeHigh {}
        impl ::aerostat_spec::__private::described::Settable for RangeHigh {}
        /// `state`: `state` at offset 0x10, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct State;
        impl ::aerostat_spec::Field for State {
            type Block = Space;
            type Wire = ::aerostat_spec::As<super::State, ::aerostat_spec::Le<u16>>;
            const OFFSET: usize = 16;
            const NAME: &'static str = "state";
        }
        impl ::aerostat_spec::__private::described::Readable for State {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Mode as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << RangeLow as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << RangeHigh as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
                > ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << State as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                < Mode as ::aerostat_spec::Field > ::OFFSET + << Mode as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                RangeLow as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < RangeLow as ::aerostat_spec::Field > ::OFFSET + << RangeLow as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                RangeHigh as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < RangeHigh as ::aerostat_spec::Field > ::OFFSET + << RangeHigh as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                State as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < State as ::aerostat_spec::Field > ::OFFSET + << State as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
    /// The constant 0x2.
    pub const ZONES: usize = 2;
    /// `step`: 24 bytes. The alignment in C is 4.
    ///
    /// `O` is the byte order: little-endian, or guest-endian on the legacy interface.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable,
        zerocopy::Unaligned,
    )]
    #[zerocopy(crate = "self::zerocopy")]
    #[repr(C)]
    pub struct Step<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `type`: `mode` at offset 0x00. Stored as `le32`.
        pub r#type: ::aerostat_spec::Stored<Mode, zerocopy::U32<zerocopy::LittleEndian>>,
        /// `in`: `[state; 2]` at offset 0x04. Stored as `le16`.
        pub r#in: [::aerostat_spec::Stored<
            State,
            zerocopy::U16<zerocopy::LittleEndian>,
        >; 2],
        /// `r`: `range` at offset 0x08.
        pub r: Range,
        /// `level`: `virtio16` at offset 0x10.
        pub level: zerocopy::U16<O>,
        /// `port`: `be16` at offset 0x12.
        pub port: zerocopy::U16<zerocopy::BigEndian>,
        /// `u`: `u32` at offset 0x14.
        pub u: zerocopy::U32<zerocopy::LittleEndian>,
    }
    impl<O: zerocopy::ByteOrder> Step<O> {
        /// Creates the structure.
        pub const fn new(
            r#type: Mode,
            r#in: [::aerostat_spec::Stored<
                State,
                zerocopy::U16<zerocopy::LittleEndian>,
            >; 2],
            r: Range,
            level: u16,
            port: u16,
            u: u32,
        ) -> Self {
            Self {
                r#type: ::aerostat_spec::Stored::from_stored(
                    zerocopy::U32::new(r#type.to_raw()),
                ),
                r#in,
                r,
                level: zerocopy::U16::new(level),
                port: zerocopy::U16::new(port),
                u: zerocopy::U32::new(u),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Step > () == 24
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, r#type) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, r#in) == 4
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, r) == 8
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, level) == 16
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, port) == 18
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, u) == 20
        );
    };
    /// `range`: 8 bytes. The alignment in C is 4.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable,
        zerocopy::Unaligned,
    )]
    #[zerocopy(crate = "self::zerocopy")]
    #[repr(C)]
    pub struct Range {
        /// `low`: `le32` at offset 0x00.
        pub low: zerocopy::U32<zerocopy::LittleEndian>,
        /// `high`: `le32` at offset 0x04.
        pub high: zerocopy::U32<zerocopy::LittleEndian>,
    }
    impl Range {
        /// Creates the structure.
        pub const fn new(low: u32, high: u32) -> Self {
            Self {
                low: zerocopy::U32::new(low),
                high: zerocopy::U32::new(high),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Range > () == 8
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Range, low) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Range, high) == 4
        );
    };
    /// `program`: 72 bytes. The alignment in C is 4.
    ///
    /// `O` is the byte order: little-endian, or guest-endian on the legacy interface.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        zerocopy::FromBytes,
        zerocopy::IntoBytes,
        zerocopy::KnownLayout,
        zerocopy::Immutable,
        zerocopy::Unaligned,
    )]
    #[zerocopy(crate = "self::zerocopy")]
    #[repr(C)]
    pub struct Program<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `first`: `step` at offset 0x00.
        pub first: Step<O>,
        /// `steps`: `[step; 2]` at offset 0x18.
        pub steps: [Step<O>; 2],
    }
    impl<O: zerocopy::ByteOrder> Program<O> {
        /// Creates the structure.
        pub const fn new(first: Step<O>, steps: [Step<O>; 2]) -> Self {
            Self { first, steps }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Program > () == 72
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Program, first) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Program, steps) == 24
        );
    };
    /// `mode`: stored as `u32`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Mode {
        /// `off`: 256.
        Off,
        /// `on`: 257.
        On,
        /// `blink`: 4096.
        Blink,
        /// `match`: 4097.
        Match,
        /// A value that the description does not define.
        Unknown(u32),
    }
    impl Mode {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[
            Self::Off,
            Self::On,
            Self::Blink,
            Self::Match,
        ];
        /// Converts a number. Numbers that the description does not define become [`Unknown`](Self::Unknown).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u32) -> Self {
            match raw {
                256 => Self::Off,
                257 => Self::On,
                4096 => Self::Blink,
                4097 => Self::Match,
                other => Self::Unknown(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u32 {
            match self {
                Self::Off => 256,
                Self::On => 257,
                Self::Blink => 4096,
                Self::Match => 4097,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for Mode {
        type Repr = u32;
    }
    impl ::aerostat_spec::__private::core::convert::From<Mode> for u64 {
        fn from(value: Mode) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u32> for Mode {
        fn from(raw: u32) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<Mode> for u32 {
        fn from(value: Mode) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for Mode {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::Off => "off",
                    Self::On => "on",
                    Self::Blink => "blink",
                    Self::Match => "match",
                    Self::Unknown(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "unknown ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// `state`: a bit field in a `u16`.
    #[::aerostat_spec::__private::bitfield(u16)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct State {
        /// `hot`: bit 0.
        pub hot: bool,
        /// `type`: bit 1.
        pub r#type: bool,
        #[bits(2)]
        __: u16,
        /// `level`: bits 4 to 7.
        #[bits(4)]
        pub level: u8,
        #[bits(8)]
        __: u16,
    }
    impl ::aerostat_spec::Represented for State {
        type Repr = u16;
    }
    impl ::aerostat_spec::__private::core::convert::From<State> for u64 {
        fn from(value: State) -> Self {
            value.into_bits().into()
        }
    }
}
