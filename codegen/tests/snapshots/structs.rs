/// Bindings of `lamp`.
pub mod lamp {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    use ::aerostat_spec::__private::zerocopy;
    /// A step of a program.
    ///
    /// `step`: 16 bytes. The alignment in C is 8.
    ///
    /// `O` is the byte order: little-endian, or guest-endian on the legacy interface.
    #[doc(alias = "lamp_step")]
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
        /// The time in seconds.
        ///
        /// `time`: `le64` at offset 0x00.
        pub time: zerocopy::U64<zerocopy::LittleEndian>,
        /// `level`: `virtio16` at offset 0x08.
        pub level: zerocopy::U16<O>,
        /// `zones`: `[virtio16; 2]` at offset 0x0a.
        pub zones: [zerocopy::U16<O>; 2],
        /// `padding`: `[u8; 2]` at offset 0x0e.
        pub padding: [u8; 2],
    }
    impl<O: zerocopy::ByteOrder> Step<O> {
        /// Creates the structure.
        pub const fn new(
            time: u64,
            level: u16,
            zones: [zerocopy::U16<O>; 2],
            padding: [u8; 2],
        ) -> Self {
            Self {
                time: zerocopy::U64::new(time),
                level: zerocopy::U16::new(level),
                zones,
                padding,
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Step > () == 16
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, time) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, level) == 8
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, zones) == 10
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Step, padding) == 14
        );
    };
    /// `header`: 5 bytes. The alignment in C is 1.
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
    pub struct Header {
        /// `kind`: `u8` at offset 0x00.
        pub kind: u8,
        /// `len`: `le32` at offset 0x01.
        pub len: zerocopy::U32<zerocopy::LittleEndian>,
    }
    impl Header {
        /// Creates the structure.
        pub const fn new(kind: u8, len: u32) -> Self {
            Self {
                kind,
                len: zerocopy::U32::new(len),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Header > () == 5
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Header, kind) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Header, len) == 1
        );
    };
}
