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
        /// The block. Its size is 9 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 9;
            const NAME: &'static str = "config";
        }
        /// `select`: `select` at offset 0x00, read-write.
        #[derive(Clone, Copy, Debug)]
        pub struct Select;
        impl ::aerostat_spec::Field for Select {
            type Block = Space;
            type Wire = ::aerostat_spec::As<super::Select, ::aerostat_spec::Le<u8>>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "select";
        }
        impl ::aerostat_spec::__private::described::Readable for Select {}
        impl ::aerostat_spec::__private::described::Writable for Select {}
        impl ::aerostat_spec::__private::described::Settable for Select {}
        /// `u_name`: `[u8; 4]` at offset 0x04, read-only.
        #[doc(alias = "u.name")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct UName {
            index: usize,
        }
        impl UName {
            /// The length of the array.
            pub const LEN: usize = 4;
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
        impl ::aerostat_spec::Field for UName {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 4;
            const NAME: &'static str = "u_name";
            fn offset(self) -> usize {
                <Self as ::aerostat_spec::Field>::OFFSET
                    + self.index
                        * <<Self as ::aerostat_spec::Field>::Wire as ::aerostat_spec::Wire>::WIDTH
            }
        }
        impl ::aerostat_spec::__private::described::Readable for UName {}
        /// `u_range_low`: `le16` at offset 0x04, read-only.
        #[doc(alias = "u.range.low")]
        #[derive(Clone, Copy, Debug)]
        pub struct URangeLow;
        impl ::aerostat_spec::Field for URangeLow {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 4;
            const NAME: &'static str = "u_range_low";
        }
        impl ::aerostat_spec::__private::described::Readable for URangeLow {}
        /// `u_range_high`: `le16` at offset 0x06, read-only.
        #[doc(alias = "u.range.high")]
        #[derive(Clone, Copy, Debug)]
        pub struct URangeHigh;
        impl ::aerostat_spec::Field for URangeHigh {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 6;
            const NAME: &'static str = "u_range_high";
        }
        impl ::aerostat_spec::__private::described::Readable for URangeHigh {}
        /// `end`: `u8` at offset 0x08, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct End;
        impl ::aerostat_spec::Field for End {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u8>;
            const OFFSET: usize = 8;
            const NAME: &'static str = "end";
        }
        impl ::aerostat_spec::__private::described::Readable for End {}
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::zerocopy;
        /// The entry of the union `u` that `select` chooses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum UValue {
            /// `name`: `[u8; 4]`, if `select` is `name`.
            Name([u8; 4]),
            /// `name`: `[u8; 4]`, if `select` is `serial`.
            Serial([u8; 4]),
            /// `range`: `interval`, if `select` is `range`.
            Range(super::Interval),
        }
        impl UValue {
            /// Reads `select`, and the whole entry of `u` that it chooses. Returns `None` if it chooses none.
            ///
            /// These are at most 5 register accesses. `Config::snapshot` of aerostat-transport repeats them until the generation count shows that all values belong to one configuration.
            ///
            /// # Errors
            ///
            /// The error of the reader.
            pub fn read<R: ::aerostat_spec::FieldReader<Space>>(
                fields: &R,
            ) -> ::aerostat_spec::__private::core::result::Result<
                ::aerostat_spec::__private::core::option::Option<Self>,
                R::Error,
            > {
                ::aerostat_spec::__private::core::result::Result::Ok(
                    match fields.read(Select)? {
                        super::Select::Name => {
                            ::aerostat_spec::__private::core::option::Option::Some(
                                Self::Name(fields.elements(UName::all())?),
                            )
                        }
                        super::Select::Serial => {
                            ::aerostat_spec::__private::core::option::Option::Some(
                                Self::Serial(fields.elements(UName::all())?),
                            )
                        }
                        super::Select::Range => {
                            ::aerostat_spec::__private::core::option::Option::Some(
                                Self::Range(
                                    super::Interval::new(
                                        fields.read(URangeLow)?,
                                        fields.read(URangeHigh)?,
                                    ),
                                ),
                            )
                        }
                        _ => ::aerostat_spec::__private::core::option::Option::None,
                    },
                )
            }
        }
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << Select as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                << UName as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH * 4 == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << URangeLow as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
                > ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << URangeHigh as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
                > ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                << End as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 1
            );
            ::aerostat_spec::__private::core::assert!(
                < Select as ::aerostat_spec::Field > ::OFFSET + << Select as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                UName as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < URangeHigh as ::aerostat_spec::Field > ::OFFSET + << URangeHigh as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                End as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < End as ::aerostat_spec::Field > ::OFFSET + << End as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
    /// `select`: stored as `u8`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Select {
        /// `unset`: 0.
        Unset,
        /// `name`: 1.
        Name,
        /// `range`: 2.
        Range,
        /// `serial`: 3.
        Serial,
        /// A value that the description does not define.
        Unknown(u8),
    }
    impl Select {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[
            Self::Unset,
            Self::Name,
            Self::Range,
            Self::Serial,
        ];
        /// Converts a number. Numbers that the description does not define become [`Unknown`](Self::Unknown).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u8) -> Self {
            match raw {
                0 => Self::Unset,
                1 => Self::Name,
                2 => Self::Range,
                3 => Self::Serial,
                other => Self::Unknown(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u8 {
            match self {
                Self::Unset => 0,
                Self::Name => 1,
                Self::Range => 2,
                Self::Serial => 3,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for Select {
        type Repr = u8;
    }
    impl ::aerostat_spec::__private::core::convert::From<Select> for u64 {
        fn from(value: Select) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u8> for Select {
        fn from(raw: u8) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<Select> for u8 {
        fn from(value: Select) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for Select {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::Unset => "unset",
                    Self::Name => "name",
                    Self::Range => "range",
                    Self::Serial => "serial",
                    Self::Unknown(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "unknown ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// `range`: 4 bytes. The alignment in C is 2.
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
    pub struct Range<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `low`: `le16` at offset 0x00.
        pub low: zerocopy::U16<zerocopy::LittleEndian>,
        /// `high`: `virtio16` at offset 0x02.
        pub high: zerocopy::U16<O>,
    }
    impl<O: zerocopy::ByteOrder> Range<O> {
        /// Creates the structure.
        pub const fn new(low: u16, high: u16) -> Self {
            Self {
                low: zerocopy::U16::new(low),
                high: zerocopy::U16::new(high),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Range > () == 4
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Range, low) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Range, high) == 2
        );
    };
    /// `interval`: 4 bytes. The alignment in C is 2.
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
    pub struct Interval {
        /// `low`: `le16` at offset 0x00.
        pub low: zerocopy::U16<zerocopy::LittleEndian>,
        /// `high`: `le16` at offset 0x02.
        pub high: zerocopy::U16<zerocopy::LittleEndian>,
    }
    impl Interval {
        /// Creates the structure.
        pub const fn new(low: u16, high: u16) -> Self {
            Self {
                low: zerocopy::U16::new(low),
                high: zerocopy::U16::new(high),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Interval > () == 4
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Interval, low) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Interval, high) == 2
        );
    };
    /// `request`: 12 bytes. The alignment in C is 4.
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
    pub struct Request {
        /// `kind`: `select` at offset 0x00. Stored as `u8`.
        pub kind: ::aerostat_spec::Stored<Select, u8>,
        /// `padding`: `[u8; 3]` at offset 0x01.
        pub padding: [u8; 3],
        /// What it is about.
        ///
        /// `u`: `union` at offset 0x04.
        pub u: RequestU,
        /// `union`: `union` at offset 0x08.
        pub union: RequestUnion,
    }
    /// The union `u` in [`Request`]: 4 bytes.
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
    pub struct RequestU {
        bytes: [u8; 4],
    }
    impl RequestU {
        /// Returns the entry `name`.
        pub fn name(&self) -> [u8; 4] {
            ::aerostat_spec::__private::read_entry::<[u8; 4]>(&self.bytes)
        }
        /// Makes the entry `name`. The bytes behind it are 0.
        pub fn from_name(value: [u8; 4]) -> Self {
            let stored: [u8; 4] = value;
            Self {
                bytes: ::aerostat_spec::__private::entry_bytes(&stored),
            }
        }
        /// Returns the entry `range`.
        pub fn range<O: zerocopy::ByteOrder>(&self) -> Range<O> {
            ::aerostat_spec::__private::read_entry::<Range<O>>(&self.bytes)
        }
        /// Makes the entry `range`. The bytes behind it are 0.
        pub fn from_range<O: zerocopy::ByteOrder>(value: Range<O>) -> Self {
            let stored: Range<O> = value;
            Self {
                bytes: ::aerostat_spec::__private::entry_bytes(&stored),
            }
        }
    }
    /// The entry of [`RequestU`] that the value of `kind` chooses.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum RequestUValue<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `name`: `[u8; 4]`.
        Name([u8; 4]),
        /// `name`: `[u8; 4]`.
        Serial([u8; 4]),
        /// `range`: `range`.
        Range(Range<O>),
    }
    impl Request {
        /// Returns the entry of `u` that `kind` chooses, or `None` if it chooses none.
        pub fn u_value<O: zerocopy::ByteOrder>(
            &self,
        ) -> ::aerostat_spec::__private::core::option::Option<RequestUValue<O>> {
            match self.kind.get() {
                Select::Name => {
                    ::aerostat_spec::__private::core::option::Option::Some(
                        RequestUValue::Name(self.u.name()),
                    )
                }
                Select::Serial => {
                    ::aerostat_spec::__private::core::option::Option::Some(
                        RequestUValue::Serial(self.u.name()),
                    )
                }
                Select::Range => {
                    ::aerostat_spec::__private::core::option::Option::Some(
                        RequestUValue::Range(self.u.range()),
                    )
                }
                _ => ::aerostat_spec::__private::core::option::Option::None,
            }
        }
        /// Sets `u`, and `kind` to the value that chooses the entry.
        pub fn set_u<O: zerocopy::ByteOrder>(&mut self, value: RequestUValue<O>) {
            match value {
                RequestUValue::Name(value) => {
                    self.kind.set(Select::Name);
                    self.u = RequestU::from_name(value);
                }
                RequestUValue::Serial(value) => {
                    self.kind.set(Select::Serial);
                    self.u = RequestU::from_name(value);
                }
                RequestUValue::Range(value) => {
                    self.kind.set(Select::Range);
                    self.u = RequestU::from_range(value);
                }
            }
        }
    }
    /// The union `union` in [`Request`]: 4 bytes.
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
    pub struct RequestUnion {
        bytes: [u8; 4],
    }
    impl RequestUnion {
        /// Returns the entry `word`.
        pub fn word(&self) -> u32 {
            ::aerostat_spec::__private::read_entry::<
                zerocopy::U32<zerocopy::LittleEndian>,
            >(&self.bytes)
                .get()
        }
        /// Makes the entry `word`. The bytes behind it are 0.
        pub fn from_word(value: u32) -> Self {
            let stored: zerocopy::U32<zerocopy::LittleEndian> = zerocopy::U32::new(
                value,
            );
            Self {
                bytes: ::aerostat_spec::__private::entry_bytes(&stored),
            }
        }
        /// Returns the entry `byte`.
        pub fn byte(&self) -> u8 {
            ::aerostat_spec::__private::read_entry::<u8>(&self.bytes)
        }
        /// Makes the entry `byte`. The bytes behind it are 0.
        pub fn from_byte(value: u8) -> Self {
            let stored: u8 = value;
            Self {
                bytes: ::aerostat_spec::__private::entry_bytes(&stored),
            }
        }
    }
    impl Request {
        /// Creates the structure.
        pub const fn new(
            kind: Select,
            padding: [u8; 3],
            u: RequestU,
            union: RequestUnion,
        ) -> Self {
            Self {
                kind: ::aerostat_spec::Stored::from_stored(kind.to_raw()),
                padding,
                u,
                union,
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Request > () == 12
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Request, kind) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Request, padding) == 1
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Request, u) == 4
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Request, union) == 8
        );
    };
}
