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
            <queue::Requests as ::aerostat_spec::Queue>::SPEC,
            <queue::Urgent as ::aerostat_spec::Queue>::SPEC,
            <queue::Events as ::aerostat_spec::Queue>::SPEC,
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
        /// `VIRTIO_LAMP_F_PI`, bit 1.
        #[doc(alias = "VIRTIO_LAMP_F_PI")]
        #[derive(Clone, Copy, Debug)]
        pub struct Pi;
        impl ::aerostat_spec::Feature for Pi {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit1,
            );
            const BIT: u32 = 1;
            const NAME: &'static str = "VIRTIO_LAMP_F_PI";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<Pi>(),
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
        /// The queue `requests`. Its index is 0.
        #[derive(Clone, Copy, Debug)]
        pub struct Requests;
        impl ::aerostat_spec::Queue for Requests {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "requests",
                index: 0,
                needs: 0,
            };
        }
        /// The queue `urgent`. Its index is 1.
        #[derive(Clone, Copy, Debug)]
        pub struct Urgent;
        impl ::aerostat_spec::Queue for Urgent {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "urgent",
                index: 1,
                needs: 0,
            };
        }
        /// The queue `events`. Its index is 2.
        ///
        /// The device writes its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Events;
        impl ::aerostat_spec::Queue for Events {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceWrites;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "events",
                index: 2,
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
        /// `sense_size`: `le16` at offset 0x00, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct SenseSize;
        impl ::aerostat_spec::Field for SenseSize {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u16>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "sense_size";
        }
        impl ::aerostat_spec::__private::described::Readable for SenseSize {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << SenseSize as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
                > ::WIDTH == 2
            );
            ::aerostat_spec::__private::core::assert!(
                < SenseSize as ::aerostat_spec::Field > ::OFFSET + << SenseSize as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
    /// `command`: stored as `u32`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Command {
        /// `inquire`: 3.
        Inquire,
        /// `flush`: 4.
        Flush,
        /// A value that the description does not define.
        Unknown(u32),
    }
    impl Command {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[Self::Inquire, Self::Flush];
        /// Converts a number. Numbers that the description does not define become [`Unknown`](Self::Unknown).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u32) -> Self {
            match raw {
                3 => Self::Inquire,
                4 => Self::Flush,
                other => Self::Unknown(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u32 {
            match self {
                Self::Inquire => 3,
                Self::Flush => 4,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for Command {
        type Repr = u32;
    }
    impl ::aerostat_spec::__private::core::convert::From<Command> for u64 {
        fn from(value: Command) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u32> for Command {
        fn from(raw: u32) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<Command> for u32 {
        fn from(value: Command) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for Command {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::Inquire => "inquire",
                    Self::Flush => "flush",
                    Self::Unknown(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "unknown ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// `header`: 16 bytes. The alignment in C is 8.
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
    pub struct Header<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `tag`: `le64` at offset 0x00.
        pub tag: zerocopy::U64<zerocopy::LittleEndian>,
        /// `type`: `command` at offset 0x08. Stored as `le32`.
        pub r#type: ::aerostat_spec::Stored<
            Command,
            zerocopy::U32<zerocopy::LittleEndian>,
        >,
        /// `port`: `virtio32` at offset 0x0c.
        pub port: zerocopy::U32<O>,
    }
    impl<O: zerocopy::ByteOrder> Header<O> {
        /// Creates the structure.
        pub const fn new(tag: u64, r#type: Command, port: u32) -> Self {
            Self {
                tag: zerocopy::U64::new(tag),
                r#type: ::aerostat_spec::Stored::from_stored(
                    zerocopy::U32::new(r#type.to_raw()),
                ),
                port: zerocopy::U32::new(port),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Header > () == 16
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Header, tag) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Header, r#type) == 8
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Header, port) == 12
        );
    };
    /// What the layout of a [`Cmd`] depends on. It does not change while the device is live.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CmdContext {
        sense_size: u16,
        with_pi: bool,
    }
    impl CmdContext {
        /// Makes it from the negotiated features, the configuration field `sense_size`.
        pub fn new<S: ::aerostat_spec::FeatureSet<Device = Features>>(
            accepted: &::aerostat_spec::Accepted<S>,
            sense_size: u16,
        ) -> Self {
            Self {
                sense_size,
                with_pi: accepted.has(feature::Pi),
            }
        }
    }
    /// A command.
    ///
    /// The request `cmd`. The answer of the device is [`CmdAnswer`](CmdAnswer).
    ///
    /// It goes into one of the queues [`Requests`](queue::Requests), [`Urgent`](queue::Urgent).
    #[doc(alias = "lamp_cmd")]
    #[derive(Clone, Copy, Debug)]
    pub struct Cmd<'r, O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// What the request depends on.
        pub context: CmdContext,
        /// `hdr`: `header`.
        pub hdr: Header<O>,
        /// `pi`: `[u8; len]`.
        ///
        /// Exists only with [`Pi`](feature::Pi).
        pub pi: &'r [u8],
        /// `data`: `[le32]`.
        pub data: &'r [zerocopy::U32<zerocopy::LittleEndian>],
        /// The maximum number of elements in the field `data` of the answer.
        pub data_len: usize,
    }
    /// The layout of the answer to [`Cmd`].
    #[derive(Clone, Copy, Debug)]
    pub struct CmdShape {
        context: CmdContext,
        data_len: usize,
    }
    /// The answer to [`Cmd`].
    #[doc(alias = "lamp_cmd_resp")]
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CmdAnswer<'a> {
        /// `status`: `u8`.
        pub status: u8,
        /// `sense`: `[u8; config.sense_size]`.
        pub sense: &'a [u8],
        /// `token`: `le32`.
        ///
        /// Exists only with [`Pi`](feature::Pi).
        pub token: ::aerostat_spec::__private::core::option::Option<u32>,
        /// `data`: `[u8]`.
        pub data: &'a [u8],
    }
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::Requests>
    for Cmd<'_, O> {}
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::Urgent>
    for Cmd<'_, O> {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::Request for Cmd<'_, O> {
        type Shape = CmdShape;
        type Answer<'a> = CmdAnswer<'a>;
        fn shape(&self) -> CmdShape {
            CmdShape {
                context: self.context,
                data_len: self.data_len,
            }
        }
        fn encode(
            &self,
            __put: &mut dyn ::aerostat_spec::__private::core::ops::FnMut(&[u8]),
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::RequestError,
        > {
            if self.context.with_pi {
                ::aerostat_spec::__private::check_len(
                    "pi",
                    self.pi.len(),
                    ::aerostat_spec::__private::to_usize(
                        ::aerostat_spec::__private::core::primitive::u16::MAX,
                    ),
                )?;
            }
            {
                let __stored: Header<O> = self.hdr;
                __put(zerocopy::IntoBytes::as_bytes(&__stored));
            }
            {
                let __stored: ::aerostat_spec::Stored<
                    Command,
                    zerocopy::U32<zerocopy::LittleEndian>,
                > = ::aerostat_spec::Stored::from_stored(zerocopy::U32::new(4));
                __put(zerocopy::IntoBytes::as_bytes(&__stored));
            }
            ::aerostat_spec::__private::put_zeros(__put, 6);
            if self.context.with_pi {
                {
                    let __stored: zerocopy::U16<zerocopy::LittleEndian> = zerocopy::U16::new(
                        ::aerostat_spec::__private::core::primitive::u16::try_from(
                                self.pi.len(),
                            )
                            .unwrap_or(
                                ::aerostat_spec::__private::core::primitive::u16::MAX,
                            ),
                    );
                    __put(zerocopy::IntoBytes::as_bytes(&__stored));
                }
            }
            if self.context.with_pi {
                __put(zerocopy::IntoBytes::as_bytes(self.pi));
            }
            __put(zerocopy::IntoBytes::as_bytes(self.data));
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
        fn answer_len(__shape: &CmdShape) -> usize {
            let mut __len = 0_usize;
            __len = __len.saturating_add(usize::saturating_mul(1, 1));
            __len = __len
                .saturating_add(
                    usize::saturating_mul(
                        ::aerostat_spec::__private::to_usize(__shape.context.sense_size),
                        1,
                    ),
                );
            if __shape.context.with_pi {
                __len = __len.saturating_add(usize::saturating_mul(1, 4));
            }
            __len = __len.saturating_add(usize::saturating_mul(__shape.data_len, 1));
            __len
        }
        fn decode<'a>(
            __shape: &CmdShape,
            __bytes: &'a [u8],
        ) -> ::aerostat_spec::__private::core::result::Result<
            Self::Answer<'a>,
            ::aerostat_spec::AnswerError,
        > {
            let mut __reader = ::aerostat_spec::__private::AnswerReader::new(__bytes);
            let status = __reader.value::<u8>("status")?;
            let sense = __reader
                .slice::<
                    u8,
                >(
                    "sense",
                    ::aerostat_spec::__private::to_usize(__shape.context.sense_size),
                )?;
            let token = if __shape.context.with_pi {
                ::aerostat_spec::__private::core::option::Option::Some(
                    __reader
                        .value::<zerocopy::U32<zerocopy::LittleEndian>>("token")?
                        .get(),
                )
            } else {
                ::aerostat_spec::__private::core::option::Option::None
            };
            let data = __reader.rest::<u8>("data", __shape.data_len)?;
            ::aerostat_spec::__private::core::result::Result::Ok(CmdAnswer {
                status,
                sense,
                token,
                data,
            })
        }
    }
    /// The request `event`. The answer of the device is [`EventAnswer`](EventAnswer).
    ///
    /// It goes into one of the queues [`Requests`](queue::Requests), [`Urgent`](queue::Urgent), [`Events`](queue::Events).
    #[derive(Clone, Copy, Debug)]
    pub struct Event {}
    /// The answer to [`Event`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct EventAnswer {
        /// `id`: `le32`.
        pub id: u32,
    }
    impl Event {
        /// The length of the answer, in bytes.
        pub const ANSWER_LEN: usize = 4;
    }
    impl ::aerostat_spec::RequestOn<queue::Requests> for Event {}
    impl ::aerostat_spec::RequestOn<queue::Urgent> for Event {}
    impl ::aerostat_spec::RequestOn<queue::Events> for Event {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl ::aerostat_spec::Request for Event {
        type Shape = ();
        type Answer<'a> = EventAnswer;
        fn shape(&self) -> () {}
        fn encode(
            &self,
            __put: &mut dyn ::aerostat_spec::__private::core::ops::FnMut(&[u8]),
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::RequestError,
        > {
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
        fn answer_len(__shape: &()) -> usize {
            let mut __len = 0_usize;
            __len = __len.saturating_add(usize::saturating_mul(1, 4));
            __len
        }
        fn decode<'a>(
            __shape: &(),
            __bytes: &'a [u8],
        ) -> ::aerostat_spec::__private::core::result::Result<
            Self::Answer<'a>,
            ::aerostat_spec::AnswerError,
        > {
            let mut __reader = ::aerostat_spec::__private::AnswerReader::new(__bytes);
            let id = __reader
                .value::<zerocopy::U32<zerocopy::LittleEndian>>("id")?
                .get();
            ::aerostat_spec::__private::core::result::Result::Ok(EventAnswer { id })
        }
    }
    /// `report`: 4 bytes and the array `entries`. `ref_from_bytes` of zerocopy makes a reference to it.
    ///
    /// `O` is the byte order: little-endian, or guest-endian on the legacy interface.
    #[derive(
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
    pub struct Report<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// `count`: `le32` at offset 0x00.
        pub count: zerocopy::U32<zerocopy::LittleEndian>,
        /// `entries`: `header` at offset 0x04.
        pub entries: [Header<O>],
    }
}
