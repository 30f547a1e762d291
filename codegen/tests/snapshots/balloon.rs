/// The traditional memory balloon device. The host asks the guest for memory and returns it later.
///
/// A *page* of this interface is 4096 bytes. It does not depend on the page size of the guest.
///
/// Specification: "Traditional Memory Balloon Device" (5.5).
///
/// Bindings of virtio device type 5.
pub mod balloon {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    use ::aerostat_spec::__private::zerocopy;
    /// The device type `balloon`. Its virtio device id is 5.
    #[derive(Debug)]
    pub enum Device {}
    impl ::aerostat_spec::Device for Device {
        const ID: ::aerostat_spec::DeviceId = ::aerostat_spec::DeviceId(5);
        const NAME: &'static str = "balloon";
        const QUEUES: &'static [::aerostat_spec::QueueSpec] = &[
            <queue::Inflate as ::aerostat_spec::Queue>::SPEC,
            <queue::Deflate as ::aerostat_spec::Queue>::SPEC,
            <queue::Stats as ::aerostat_spec::Queue>::SPEC,
            <queue::FreePage as ::aerostat_spec::Queue>::SPEC,
            <queue::Reporting as ::aerostat_spec::Queue>::SPEC,
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
        /// The driver must tell the device before it uses a page from the balloon again.
        ///
        /// `VIRTIO_BALLOON_F_MUST_TELL_HOST`, bit 0.
        #[doc(alias = "VIRTIO_BALLOON_F_MUST_TELL_HOST")]
        #[derive(Clone, Copy, Debug)]
        pub struct MustTellHost;
        impl ::aerostat_spec::Feature for MustTellHost {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit0,
            );
            const BIT: u32 = 0;
            const NAME: &'static str = "VIRTIO_BALLOON_F_MUST_TELL_HOST";
            const REQUIRES: u64 = 0x0;
        }
        /// The device can request memory statistics through the statistics queue.
        ///
        /// `VIRTIO_BALLOON_F_STATS_VQ`, bit 1.
        #[doc(alias = "VIRTIO_BALLOON_F_STATS_VQ")]
        #[derive(Clone, Copy, Debug)]
        pub struct StatsVq;
        impl ::aerostat_spec::Feature for StatsVq {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit1,
            );
            const BIT: u32 = 1;
            const NAME: &'static str = "VIRTIO_BALLOON_F_STATS_VQ";
            const REQUIRES: u64 = 0x0;
        }
        /// The driver can deflate the balloon when the guest is out of memory.
        ///
        /// `VIRTIO_BALLOON_F_DEFLATE_ON_OOM`, bit 2.
        #[doc(alias = "VIRTIO_BALLOON_F_DEFLATE_ON_OOM")]
        #[derive(Clone, Copy, Debug)]
        pub struct DeflateOnOom;
        impl ::aerostat_spec::Feature for DeflateOnOom {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit2,
            );
            const BIT: u32 = 2;
            const NAME: &'static str = "VIRTIO_BALLOON_F_DEFLATE_ON_OOM";
            const REQUIRES: u64 = 0x0;
        }
        /// The device can request hints of free pages through the free page queue.
        ///
        /// `VIRTIO_BALLOON_F_FREE_PAGE_HINT`, bit 3.
        #[doc(alias = "VIRTIO_BALLOON_F_FREE_PAGE_HINT")]
        #[derive(Clone, Copy, Debug)]
        pub struct FreePageHint;
        impl ::aerostat_spec::Feature for FreePageHint {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit3,
            );
            const BIT: u32 = 3;
            const NAME: &'static str = "VIRTIO_BALLOON_F_FREE_PAGE_HINT";
            const REQUIRES: u64 = 0x0;
        }
        /// The driver tells the device the value with which the guest fills free pages.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_POISON`, bit 4.
        #[doc(alias = "VIRTIO_BALLOON_F_PAGE_POISON")]
        #[derive(Clone, Copy, Debug)]
        pub struct PagePoison;
        impl ::aerostat_spec::Feature for PagePoison {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit4,
            );
            const BIT: u32 = 4;
            const NAME: &'static str = "VIRTIO_BALLOON_F_PAGE_POISON";
            const REQUIRES: u64 = 0x0;
        }
        /// The driver reports free pages to the device through the reporting queue.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_REPORTING`, bit 5.
        #[doc(alias = "VIRTIO_BALLOON_F_PAGE_REPORTING")]
        #[doc(alias = "VIRTIO_BALLOON_F_REPORTING")]
        #[derive(Clone, Copy, Debug)]
        pub struct PageReporting;
        impl ::aerostat_spec::Feature for PageReporting {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            type Index = (
                ::aerostat_spec::__private::digit::Digit0,
                ::aerostat_spec::__private::digit::Digit5,
            );
            const BIT: u32 = 5;
            const NAME: &'static str = "VIRTIO_BALLOON_F_PAGE_REPORTING";
            const REQUIRES: u64 = 0x0;
        }
        impl ::aerostat_spec::FeatureTable for super::Features {
            type Owner = ::aerostat_spec::OfDevice<super::Device>;
            const ENTRIES: &'static [::aerostat_spec::FeatureEntry] = &[
                ::aerostat_spec::FeatureEntry::new::<MustTellHost>(),
                ::aerostat_spec::FeatureEntry::new::<StatsVq>(),
                ::aerostat_spec::FeatureEntry::new::<DeflateOnOom>(),
                ::aerostat_spec::FeatureEntry::new::<FreePageHint>(),
                ::aerostat_spec::FeatureEntry::new::<PagePoison>(),
                ::aerostat_spec::FeatureEntry::new::<PageReporting>(),
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
        /// Page numbers to add to the balloon.
        ///
        /// The queue `inflate`. Its index is 0.
        ///
        /// The device reads its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Inflate;
        impl ::aerostat_spec::Queue for Inflate {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceReads;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "inflate",
                index: 0,
                needs: 0,
            };
        }
        /// Page numbers to remove from the balloon.
        ///
        /// The queue `deflate`. Its index is 1.
        ///
        /// The device reads its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Deflate;
        impl ::aerostat_spec::Queue for Deflate {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceReads;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "deflate",
                index: 1,
                needs: 0,
            };
        }
        /// Memory statistics.
        ///
        /// The queue `stats`. Its index is 2.
        ///
        /// Exists only with [`StatsVq`](super::feature::StatsVq). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        ///
        /// The device reads its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Stats {
            negotiated: (),
        }
        impl Stats {
            /// Makes the value from the proof that [`StatsVq`](super::feature::StatsVq) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::StatsVq>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for Stats {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceReads;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "stats",
                index: 2,
                needs: 1 << <super::feature::StatsVq as ::aerostat_spec::Feature>::BIT,
            };
        }
        /// Hints of free pages.
        ///
        /// The queue `free_page`. Its index is 3.
        ///
        /// Exists only with [`FreePageHint`](super::feature::FreePageHint). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct FreePage {
            negotiated: (),
        }
        impl FreePage {
            /// Makes the value from the proof that [`FreePageHint`](super::feature::FreePageHint) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::FreePageHint>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for FreePage {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::Both;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "free_page",
                index: 3,
                needs: 1
                    << <super::feature::FreePageHint as ::aerostat_spec::Feature>::BIT,
            };
        }
        /// Reports of free pages.
        ///
        /// The queue `reporting`. Its index is 4.
        ///
        /// Exists only with [`PageReporting`](super::feature::PageReporting). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        ///
        /// The device writes its buffers.
        #[derive(Clone, Copy, Debug)]
        pub struct Reporting {
            negotiated: (),
        }
        impl Reporting {
            /// Makes the value from the proof that [`PageReporting`](super::feature::PageReporting) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::PageReporting>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for Reporting {
            type Device = super::Device;
            type Buffers = ::aerostat_spec::direction::DeviceWrites;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "reporting",
                index: 4,
                needs: 1
                    << <super::feature::PageReporting as ::aerostat_spec::Feature>::BIT,
            };
        }
    }
    /// The configuration space of `balloon`.
    #[doc(alias = "virtio_balloon_config")]
    pub mod config {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block. Its size is 16 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 16;
            const NAME: &'static str = "config";
        }
        /// The number of pages that the device wants in the balloon.
        ///
        /// `num_pages`: `le32` at offset 0x00, read-only.
        #[derive(Clone, Copy, Debug)]
        pub struct NumPages;
        impl ::aerostat_spec::Field for NumPages {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "num_pages";
        }
        impl ::aerostat_spec::__private::described::Readable for NumPages {}
        /// The number of pages in the balloon.
        ///
        /// The driver writes it in one access, also on the legacy interface.
        ///
        /// `actual`: `le32` at offset 0x04, read-write.
        #[derive(Clone, Copy, Debug)]
        pub struct Actual;
        impl ::aerostat_spec::Field for Actual {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 4;
            const NAME: &'static str = "actual";
        }
        impl ::aerostat_spec::__private::described::Readable for Actual {}
        impl ::aerostat_spec::__private::described::Writable for Actual {}
        impl ::aerostat_spec::__private::described::Settable for Actual {}
        /// The hinting command of the device: 0 to stop, 1 when it is done, or the id of a hinting round.
        ///
        /// `free_page_hint_cmd_id`: `hint_command` at offset 0x08, read-only.
        ///
        /// Exists only with [`FreePageHint`](super::feature::FreePageHint). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct FreePageHintCmdId {
            negotiated: (),
        }
        impl FreePageHintCmdId {
            /// Makes the value from the proof that [`FreePageHint`](super::feature::FreePageHint) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::FreePageHint>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Field for FreePageHintCmdId {
            type Block = Space;
            type Wire = ::aerostat_spec::As<
                super::HintCommand,
                ::aerostat_spec::Le<u32>,
            >;
            const OFFSET: usize = 8;
            const NAME: &'static str = "free_page_hint_cmd_id";
        }
        impl ::aerostat_spec::__private::described::Readable for FreePageHintCmdId {}
        /// The value with which the guest fills free pages.
        ///
        /// `poison_val`: `le32` at offset 0x0c, read-write before DRIVER_OK, then read-only.
        ///
        /// Exists only with [`PagePoison`](super::feature::PagePoison). [`given`](Self::given) makes it from the proof that the feature was negotiated.
        #[derive(Clone, Copy, Debug)]
        pub struct PoisonVal {
            negotiated: (),
        }
        impl PoisonVal {
            /// Makes the value from the proof that [`PagePoison`](super::feature::PagePoison) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::PagePoison>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Field for PoisonVal {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 12;
            const NAME: &'static str = "poison_val";
        }
        impl ::aerostat_spec::__private::described::Readable for PoisonVal {}
        impl ::aerostat_spec::__private::described::Settable for PoisonVal {}
        const _: () = {
            ::aerostat_spec::__private::core::assert!(
                << NumPages as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << Actual as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
                ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << FreePageHintCmdId as ::aerostat_spec::Field > ::Wire as
                ::aerostat_spec::Wire > ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                << PoisonVal as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
                > ::WIDTH == 4
            );
            ::aerostat_spec::__private::core::assert!(
                < NumPages as ::aerostat_spec::Field > ::OFFSET + << NumPages as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                Actual as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < Actual as ::aerostat_spec::Field > ::OFFSET + << Actual as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
                FreePageHintCmdId as ::aerostat_spec::Field > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < FreePageHintCmdId as ::aerostat_spec::Field > ::OFFSET + <<
                FreePageHintCmdId as ::aerostat_spec::Field > ::Wire as
                ::aerostat_spec::Wire > ::WIDTH <= < PoisonVal as ::aerostat_spec::Field
                > ::OFFSET
            );
            ::aerostat_spec::__private::core::assert!(
                < PoisonVal as ::aerostat_spec::Field > ::OFFSET + << PoisonVal as
                ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH == <
                Space as ::aerostat_spec::Block > ::LEN
            );
        };
    }
    /// The page size is 2 to the power of this number, in bytes.
    ///
    /// The constant 0xc.
    #[doc(alias = "VIRTIO_BALLOON_PFN_SHIFT")]
    pub const PFN_SHIFT: u32 = 12;
    /// A memory statistic.
    ///
    /// `stat`: 10 bytes. The alignment in C is 1.
    ///
    /// `O` is the byte order: little-endian, or guest-endian on the legacy interface.
    #[doc(alias = "virtio_balloon_stat")]
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
    pub struct Stat<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// The statistic.
        ///
        /// `tag`: `stat_tag` at offset 0x00. Stored as `virtio16`.
        pub tag: ::aerostat_spec::Stored<StatTag, zerocopy::U16<O>>,
        /// The value. Amounts of memory are in bytes.
        ///
        /// `val`: `virtio64` at offset 0x02.
        pub val: zerocopy::U64<O>,
    }
    impl<O: zerocopy::ByteOrder> Stat<O> {
        /// Creates the structure.
        pub const fn new(tag: StatTag, val: u64) -> Self {
            Self {
                tag: ::aerostat_spec::Stored::from_stored(
                    zerocopy::U16::new(tag.to_raw()),
                ),
                val: zerocopy::U64::new(val),
            }
        }
    }
    const _: () = {
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::size_of:: < Stat > () == 10
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Stat, tag) == 0
        );
        ::aerostat_spec::__private::core::assert!(
            ::aerostat_spec::__private::core::mem::offset_of!(Stat, val) == 2
        );
    };
    /// The tag of a memory statistic.
    ///
    /// The specification defines 0 to 9. Linux and QEMU also use the others.
    ///
    /// `stat_tag`: stored as `u16`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum StatTag {
        /// Memory that was swapped in, in bytes.
        ///
        /// `swap_in`: 0.
        #[doc(alias = "VIRTIO_BALLOON_S_SWAP_IN")]
        SwapIn,
        /// Memory that was swapped out to disk, in bytes.
        ///
        /// `swap_out`: 1.
        #[doc(alias = "VIRTIO_BALLOON_S_SWAP_OUT")]
        SwapOut,
        /// Page faults that required disk I/O.
        ///
        /// `major_faults`: 2.
        #[doc(alias = "VIRTIO_BALLOON_S_MAJFLT")]
        MajorFaults,
        /// Page faults that did not require disk I/O.
        ///
        /// `minor_faults`: 3.
        #[doc(alias = "VIRTIO_BALLOON_S_MINFLT")]
        MinorFaults,
        /// Unused memory, in bytes.
        ///
        /// `free_memory`: 4.
        #[doc(alias = "VIRTIO_BALLOON_S_MEMFREE")]
        FreeMemory,
        /// Total memory of the guest, in bytes.
        ///
        /// `total_memory`: 5.
        #[doc(alias = "VIRTIO_BALLOON_S_MEMTOT")]
        TotalMemory,
        /// Estimate of the memory that is available to new programs without swapping, in bytes.
        ///
        /// `available_memory`: 6.
        #[doc(alias = "VIRTIO_BALLOON_S_AVAIL")]
        AvailableMemory,
        /// Memory that can be reclaimed immediately without I/O, such as disk caches, in bytes.
        ///
        /// `disk_caches`: 7.
        #[doc(alias = "VIRTIO_BALLOON_S_CACHES")]
        DiskCaches,
        /// Successful huge page allocations.
        ///
        /// `hugetlb_allocations`: 8.
        #[doc(alias = "VIRTIO_BALLOON_S_HTLB_PGALLOC")]
        HugetlbAllocations,
        /// Failed huge page allocations.
        ///
        /// `hugetlb_failures`: 9.
        #[doc(alias = "VIRTIO_BALLOON_S_HTLB_PGFAIL")]
        HugetlbFailures,
        /// Processes killed because the guest was out of memory.
        ///
        /// `oom_kills`: 10.
        #[doc(alias = "VIRTIO_BALLOON_S_OOM_KILL")]
        OomKills,
        /// Allocations that stalled.
        ///
        /// `alloc_stalls`: 11.
        #[doc(alias = "VIRTIO_BALLOON_S_ALLOC_STALL")]
        AllocStalls,
        /// Pages scanned by background reclaim.
        ///
        /// `async_scans`: 12.
        #[doc(alias = "VIRTIO_BALLOON_S_ASYNC_SCAN")]
        AsyncScans,
        /// Pages scanned by direct reclaim.
        ///
        /// `direct_scans`: 13.
        #[doc(alias = "VIRTIO_BALLOON_S_DIRECT_SCAN")]
        DirectScans,
        /// Pages reclaimed by background reclaim.
        ///
        /// `async_reclaims`: 14.
        #[doc(alias = "VIRTIO_BALLOON_S_ASYNC_RECLAIM")]
        AsyncReclaims,
        /// Pages reclaimed by direct reclaim.
        ///
        /// `direct_reclaims`: 15.
        #[doc(alias = "VIRTIO_BALLOON_S_DIRECT_RECLAIM")]
        DirectReclaims,
        /// A value that the description does not define.
        Unknown(u16),
    }
    impl StatTag {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[
            Self::SwapIn,
            Self::SwapOut,
            Self::MajorFaults,
            Self::MinorFaults,
            Self::FreeMemory,
            Self::TotalMemory,
            Self::AvailableMemory,
            Self::DiskCaches,
            Self::HugetlbAllocations,
            Self::HugetlbFailures,
            Self::OomKills,
            Self::AllocStalls,
            Self::AsyncScans,
            Self::DirectScans,
            Self::AsyncReclaims,
            Self::DirectReclaims,
        ];
        /// Converts a number. Numbers that the description does not define become [`Unknown`](Self::Unknown).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u16) -> Self {
            match raw {
                0 => Self::SwapIn,
                1 => Self::SwapOut,
                2 => Self::MajorFaults,
                3 => Self::MinorFaults,
                4 => Self::FreeMemory,
                5 => Self::TotalMemory,
                6 => Self::AvailableMemory,
                7 => Self::DiskCaches,
                8 => Self::HugetlbAllocations,
                9 => Self::HugetlbFailures,
                10 => Self::OomKills,
                11 => Self::AllocStalls,
                12 => Self::AsyncScans,
                13 => Self::DirectScans,
                14 => Self::AsyncReclaims,
                15 => Self::DirectReclaims,
                other => Self::Unknown(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u16 {
            match self {
                Self::SwapIn => 0,
                Self::SwapOut => 1,
                Self::MajorFaults => 2,
                Self::MinorFaults => 3,
                Self::FreeMemory => 4,
                Self::TotalMemory => 5,
                Self::AvailableMemory => 6,
                Self::DiskCaches => 7,
                Self::HugetlbAllocations => 8,
                Self::HugetlbFailures => 9,
                Self::OomKills => 10,
                Self::AllocStalls => 11,
                Self::AsyncScans => 12,
                Self::DirectScans => 13,
                Self::AsyncReclaims => 14,
                Self::DirectReclaims => 15,
                Self::Unknown(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for StatTag {
        type Repr = u16;
    }
    impl ::aerostat_spec::__private::core::convert::From<StatTag> for u64 {
        fn from(value: StatTag) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u16> for StatTag {
        fn from(raw: u16) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<StatTag> for u16 {
        fn from(value: StatTag) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for StatTag {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::SwapIn => "swap_in",
                    Self::SwapOut => "swap_out",
                    Self::MajorFaults => "major_faults",
                    Self::MinorFaults => "minor_faults",
                    Self::FreeMemory => "free_memory",
                    Self::TotalMemory => "total_memory",
                    Self::AvailableMemory => "available_memory",
                    Self::DiskCaches => "disk_caches",
                    Self::HugetlbAllocations => "hugetlb_allocations",
                    Self::HugetlbFailures => "hugetlb_failures",
                    Self::OomKills => "oom_kills",
                    Self::AllocStalls => "alloc_stalls",
                    Self::AsyncScans => "async_scans",
                    Self::DirectScans => "direct_scans",
                    Self::AsyncReclaims => "async_reclaims",
                    Self::DirectReclaims => "direct_reclaims",
                    Self::Unknown(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "unknown ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// A free page hinting command. The device sets it in `free_page_hint_cmd_id`.
    ///
    /// `hint_command`: stored as `u32`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum HintCommand {
        /// Stop hinting. The device keeps the pages of earlier hints until it is done.
        ///
        /// `stop`: 0.
        #[doc(alias = "VIRTIO_BALLOON_CMD_ID_STOP")]
        Stop,
        /// The device is done. The driver can use all hinted pages again.
        ///
        /// `done`: 1.
        #[doc(alias = "VIRTIO_BALLOON_CMD_ID_DONE")]
        Done,
        /// The id of a hinting round, which the device starts.
        ///
        /// `round`: all other values.
        Round(u32),
    }
    impl HintCommand {
        /// All defined values, in the order of the description.
        pub const ALL: &'static [Self] = &[Self::Stop, Self::Done];
        /// Converts a number. Numbers that the description does not define become [`Round`](Self::Round).
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u32) -> Self {
            match raw {
                0 => Self::Stop,
                1 => Self::Done,
                other => Self::Round(other),
            }
        }
        /// Returns the number.
        pub const fn to_raw(self) -> u32 {
            match self {
                Self::Stop => 0,
                Self::Done => 1,
                Self::Round(raw) => raw,
            }
        }
    }
    impl ::aerostat_spec::Represented for HintCommand {
        type Repr = u32;
    }
    impl ::aerostat_spec::__private::core::convert::From<HintCommand> for u64 {
        fn from(value: HintCommand) -> Self {
            value.to_raw().into()
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<u32> for HintCommand {
        fn from(raw: u32) -> Self {
            Self::from_raw(raw)
        }
    }
    impl ::aerostat_spec::__private::core::convert::From<HintCommand> for u32 {
        fn from(value: HintCommand) -> Self {
            value.to_raw()
        }
    }
    impl ::aerostat_spec::__private::core::fmt::Display for HintCommand {
        fn fmt(
            &self,
            f: &mut ::aerostat_spec::__private::core::fmt::Formatter<'_>,
        ) -> ::aerostat_spec::__private::core::fmt::Result {
            f.pad(
                match self {
                    Self::Stop => "stop",
                    Self::Done => "done",
                    Self::Round(raw) => {
                        return ::aerostat_spec::__private::core::write!(
                            f, "round ({})", raw
                        );
                    }
                },
            )
        }
    }
    /// Adds pages to the balloon.
    ///
    /// The request `inflate`. The device writes no answer.
    ///
    /// It goes into the queue [`Inflate`](queue::Inflate).
    #[derive(Clone, Copy, Debug)]
    pub struct Inflate<'r, O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// The numbers of the pages.
        ///
        /// `pages`: `[virtio32]`.
        pub pages: &'r [zerocopy::U32<O>],
    }
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::Inflate>
    for Inflate<'_, O> {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::Request for Inflate<'_, O> {
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
            __put(zerocopy::IntoBytes::as_bytes(self.pages));
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
    /// Removes pages from the balloon.
    ///
    /// The request `deflate`. The device writes no answer.
    ///
    /// It goes into the queue [`Deflate`](queue::Deflate).
    #[derive(Clone, Copy, Debug)]
    pub struct Deflate<'r, O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// The numbers of the pages.
        ///
        /// `pages`: `[virtio32]`.
        pub pages: &'r [zerocopy::U32<O>],
    }
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::Deflate>
    for Deflate<'_, O> {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::Request for Deflate<'_, O> {
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
            __put(zerocopy::IntoBytes::as_bytes(self.pages));
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
    /// The memory statistics of the guest. The device keeps the buffer until it wants newer ones.
    ///
    /// The request `statistics`. The device writes no answer.
    ///
    /// It goes into the queue [`Stats`](queue::Stats).
    #[derive(Clone, Copy, Debug)]
    pub struct Statistics<'r, O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// One entry for each statistic that the driver knows.
        ///
        /// `stats`: `[stat]`.
        pub stats: &'r [Stat<O>],
    }
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::Stats>
    for Statistics<'_, O> {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::Request
    for Statistics<'_, O> {
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
            __put(zerocopy::IntoBytes::as_bytes(self.stats));
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
    /// The command id of a hinting round, or [`HintCommand::Stop`] at its end.
    ///
    /// The request `hint_round`. The device writes no answer.
    ///
    /// It goes into the queue [`FreePage`](queue::FreePage).
    #[derive(Clone, Copy, Debug)]
    pub struct HintRound<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// The id. Its byte order is that of the interface, unlike that of `free_page_hint_cmd_id`.
        ///
        /// `id`: `virtio32`.
        pub id: u32,
        /// The byte order.
        pub byte_order: ::aerostat_spec::__private::core::marker::PhantomData<O>,
    }
    impl<O: zerocopy::ByteOrder> HintRound<O> {
        /// The length of the request, in bytes.
        pub const LEN: usize = 4;
    }
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::RequestOn<queue::FreePage>
    for HintRound<O> {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl<O: zerocopy::ByteOrder + 'static> ::aerostat_spec::Request for HintRound<O> {
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
            {
                let __stored: zerocopy::U32<O> = zerocopy::U32::new(self.id);
                __put(zerocopy::IntoBytes::as_bytes(&__stored));
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
    /// A hint: a block of free pages, which the device can discard.
    ///
    /// The request `hint`. The answer of the device is [`HintAnswer`](HintAnswer).
    ///
    /// It goes into the queue [`FreePage`](queue::FreePage).
    #[derive(Clone, Copy, Debug)]
    pub struct Hint {
        /// The maximum number of elements in the field `block` of the answer.
        pub block_len: usize,
    }
    /// The layout of the answer to [`Hint`].
    #[derive(Clone, Copy, Debug)]
    pub struct HintShape {
        block_len: usize,
    }
    /// The answer to [`Hint`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct HintAnswer<'a> {
        /// The block.
        ///
        /// `block`: `[u8]`.
        pub block: &'a [u8],
    }
    impl ::aerostat_spec::RequestOn<queue::FreePage> for Hint {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl ::aerostat_spec::Request for Hint {
        type Shape = HintShape;
        type Answer<'a> = HintAnswer<'a>;
        fn shape(&self) -> HintShape {
            HintShape {
                block_len: self.block_len,
            }
        }
        fn encode(
            &self,
            __put: &mut dyn ::aerostat_spec::__private::core::ops::FnMut(&[u8]),
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::RequestError,
        > {
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
        fn answer_len(__shape: &HintShape) -> usize {
            let mut __len = 0_usize;
            __len = __len.saturating_add(usize::saturating_mul(__shape.block_len, 1));
            __len
        }
        fn decode<'a>(
            __shape: &HintShape,
            __bytes: &'a [u8],
        ) -> ::aerostat_spec::__private::core::result::Result<
            Self::Answer<'a>,
            ::aerostat_spec::AnswerError,
        > {
            let mut __reader = ::aerostat_spec::__private::AnswerReader::new(__bytes);
            let block = __reader.rest::<u8>("block", __shape.block_len)?;
            ::aerostat_spec::__private::core::result::Result::Ok(HintAnswer { block })
        }
    }
    /// A report: blocks of free pages, which the device can discard. A report can have several buffers.
    ///
    /// The request `report`. The answer of the device is [`ReportAnswer`](ReportAnswer).
    ///
    /// It goes into the queue [`Reporting`](queue::Reporting).
    #[derive(Clone, Copy, Debug)]
    pub struct Report {
        /// The maximum number of elements in the field `blocks` of the answer.
        pub blocks_len: usize,
    }
    /// The layout of the answer to [`Report`].
    #[derive(Clone, Copy, Debug)]
    pub struct ReportShape {
        blocks_len: usize,
    }
    /// The answer to [`Report`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ReportAnswer<'a> {
        /// The blocks.
        ///
        /// `blocks`: `[u8]`.
        pub blocks: &'a [u8],
    }
    impl ::aerostat_spec::RequestOn<queue::Reporting> for Report {}
    #[allow(unused_variables, unused_mut, clippy::unused_unit)]
    impl ::aerostat_spec::Request for Report {
        type Shape = ReportShape;
        type Answer<'a> = ReportAnswer<'a>;
        fn shape(&self) -> ReportShape {
            ReportShape {
                blocks_len: self.blocks_len,
            }
        }
        fn encode(
            &self,
            __put: &mut dyn ::aerostat_spec::__private::core::ops::FnMut(&[u8]),
        ) -> ::aerostat_spec::__private::core::result::Result<
            (),
            ::aerostat_spec::RequestError,
        > {
            ::aerostat_spec::__private::core::result::Result::Ok(())
        }
        fn answer_len(__shape: &ReportShape) -> usize {
            let mut __len = 0_usize;
            __len = __len.saturating_add(usize::saturating_mul(__shape.blocks_len, 1));
            __len
        }
        fn decode<'a>(
            __shape: &ReportShape,
            __bytes: &'a [u8],
        ) -> ::aerostat_spec::__private::core::result::Result<
            Self::Answer<'a>,
            ::aerostat_spec::AnswerError,
        > {
            let mut __reader = ::aerostat_spec::__private::AnswerReader::new(__bytes);
            let blocks = __reader.rest::<u8>("blocks", __shape.blocks_len)?;
            ::aerostat_spec::__private::core::result::Result::Ok(ReportAnswer { blocks })
        }
    }
}
