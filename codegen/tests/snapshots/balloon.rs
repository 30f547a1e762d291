/// Traditional memory balloon device: the host asks the guest for memory and gives it back.
///
/// Everywhere in this interface a *page* is 4096 bytes, whatever the page size of the guest.
///
/// Specification: "Traditional Memory Balloon Device" (5.5).
///
/// Bindings of the device type 5.
pub mod balloon {
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::*;
    #[allow(unused_imports)]
    use ::aerostat_spec::__private::prelude::panic;
    use ::aerostat_spec::__private::zerocopy;
    /// The device type `balloon`, number 5.
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
    /// The features as a mask.
    #[::aerostat_spec::__private::bitfield(u64)]
    #[derive(PartialEq, Eq, Hash)]
    pub struct FeatureBits {
        /// The device has to be told before the driver uses a page of the balloon again.
        ///
        /// `VIRTIO_BALLOON_F_MUST_TELL_HOST`
        pub must_tell_host: bool,
        /// The device can ask for memory statistics, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_STATS_VQ`
        pub stats_vq: bool,
        /// The driver may take pages out of the balloon when the guest is out of memory.
        ///
        /// `VIRTIO_BALLOON_F_DEFLATE_ON_OOM`
        pub deflate_on_oom: bool,
        /// The device can ask which pages are free at the moment, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_FREE_PAGE_HINT`
        pub free_page_hint: bool,
        /// The driver tells the device the pattern that the guest fills free pages with.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_POISON`
        pub page_poison: bool,
        /// The driver tells the device of pages that became free, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_REPORTING`
        pub page_reporting: bool,
        #[bits(58)]
        __: u64,
    }
    /// The features, each as a type.
    pub mod feature {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The device has to be told before the driver uses a page of the balloon again.
        ///
        /// `VIRTIO_BALLOON_F_MUST_TELL_HOST`, bit 0.
        #[doc(alias = "VIRTIO_BALLOON_F_MUST_TELL_HOST")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The device can ask for memory statistics, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_STATS_VQ`, bit 1.
        #[doc(alias = "VIRTIO_BALLOON_F_STATS_VQ")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The driver may take pages out of the balloon when the guest is out of memory.
        ///
        /// `VIRTIO_BALLOON_F_DEFLATE_ON_OOM`, bit 2.
        #[doc(alias = "VIRTIO_BALLOON_F_DEFLATE_ON_OOM")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The device can ask which pages are free at the moment, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_FREE_PAGE_HINT`, bit 3.
        #[doc(alias = "VIRTIO_BALLOON_F_FREE_PAGE_HINT")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The driver tells the device the pattern that the guest fills free pages with.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_POISON`, bit 4.
        #[doc(alias = "VIRTIO_BALLOON_F_PAGE_POISON")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The driver tells the device of pages that became free, over a queue of their own.
        ///
        /// `VIRTIO_BALLOON_F_PAGE_REPORTING`, bit 5.
        #[doc(alias = "VIRTIO_BALLOON_F_PAGE_REPORTING")]
        #[doc(alias = "VIRTIO_BALLOON_F_REPORTING")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        }
    }
    #[doc(hidden)]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Features;
    /// The queues, each as a type.
    pub mod queue {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// Page numbers that go into the balloon.
        ///
        /// The queue `inflate`, number 0.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Inflate;
        impl ::aerostat_spec::Queue for Inflate {
            type Device = super::Device;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "inflate",
                index: 0,
                needs: 0,
            };
        }
        /// Page numbers that leave the balloon.
        ///
        /// The queue `deflate`, number 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Deflate;
        impl ::aerostat_spec::Queue for Deflate {
            type Device = super::Device;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "deflate",
                index: 1,
                needs: 0,
            };
        }
        /// Memory statistics.
        ///
        /// The queue `stats`, number 2.
        ///
        /// Exists only with the feature [`StatsVq`](super::feature::StatsVq): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Stats {
            negotiated: (),
        }
        impl Stats {
            /// Allowed by the proof that [`StatsVq`](super::feature::StatsVq) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::StatsVq>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for Stats {
            type Device = super::Device;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "stats",
                index: 2,
                needs: 1 << <super::feature::StatsVq as ::aerostat_spec::Feature>::BIT,
            };
        }
        /// Hints of pages that are free at the moment.
        ///
        /// The queue `free_page`, number 3.
        ///
        /// Exists only with the feature [`FreePageHint`](super::feature::FreePageHint): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct FreePage {
            negotiated: (),
        }
        impl FreePage {
            /// Allowed by the proof that [`FreePageHint`](super::feature::FreePageHint) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::FreePageHint>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for FreePage {
            type Device = super::Device;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "free_page",
                index: 3,
                needs: 1
                    << <super::feature::FreePageHint as ::aerostat_spec::Feature>::BIT,
            };
        }
        /// Pages that became free.
        ///
        /// The queue `reporting`, number 4.
        ///
        /// Exists only with the feature [`PageReporting`](super::feature::PageReporting): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Reporting {
            negotiated: (),
        }
        impl Reporting {
            /// Allowed by the proof that [`PageReporting`](super::feature::PageReporting) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::PageReporting>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Queue for Reporting {
            type Device = super::Device;
            const SPEC: ::aerostat_spec::QueueSpec = ::aerostat_spec::QueueSpec {
                name: "reporting",
                index: 4,
                needs: 1
                    << <super::feature::PageReporting as ::aerostat_spec::Feature>::BIT,
            };
        }
    }
    /// The configuration space of `balloon`.
    pub mod config {
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::*;
        #[allow(unused_imports)]
        use ::aerostat_spec::__private::prelude::panic;
        /// The block itself: 16 bytes.
        #[derive(Debug)]
        pub enum Space {}
        impl ::aerostat_spec::Block for Space {
            const LEN: usize = 16;
            const NAME: &'static str = "config";
        }
        /// How many pages the device wants to be in the balloon.
        ///
        /// `num_pages`: `le32` at offset 0x00, read-only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct NumPages;
        impl ::aerostat_spec::Field for NumPages {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 0;
            const NAME: &'static str = "num_pages";
        }
        impl ::aerostat_spec::__private::described::Readable for NumPages {}
        /// How many pages are in the balloon.
        ///
        /// Written in one access, also on the legacy interface.
        ///
        /// `actual`: `le32` at offset 0x04, read and write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        /// The round of hints that the device asks for: 0 to stop, 1 when it is done, or the id of the round.
        ///
        /// `free_page_hint_cmd_id`: `le32` at offset 0x08, read-only.
        ///
        /// Exists only with the feature [`FreePageHint`](super::feature::FreePageHint): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct FreePageHintCmdId {
            negotiated: (),
        }
        impl FreePageHintCmdId {
            /// Allowed by the proof that [`FreePageHint`](super::feature::FreePageHint) was negotiated.
            pub const fn given(
                _proof: ::aerostat_spec::Negotiated<super::feature::FreePageHint>,
            ) -> Self {
                Self { negotiated: () }
            }
        }
        impl ::aerostat_spec::Field for FreePageHintCmdId {
            type Block = Space;
            type Wire = ::aerostat_spec::Le<u32>;
            const OFFSET: usize = 8;
            const NAME: &'static str = "free_page_hint_cmd_id";
        }
        impl ::aerostat_spec::__private::described::Readable for FreePageHintCmdId {}
        /// The pattern that the guest fills free pages with.
        ///
        /// `poison_val`: `le32` at offset 0x0c, read, and write before DRIVER_OK.
        ///
        /// Exists only with the feature [`PagePoison`](super::feature::PagePoison): [`given`](Self::given) makes it from the proof.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct PoisonVal {
            negotiated: (),
        }
        impl PoisonVal {
            /// Allowed by the proof that [`PagePoison`](super::feature::PagePoison) was negotiated.
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
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << NumPages as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 4
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << Actual as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 4
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << FreePageHintCmdId as ::aerostat_spec::Field > ::Wire as
            ::aerostat_spec::Wire > ::WIDTH, 4
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            << PoisonVal as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire >
            ::WIDTH, 4
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < NumPages as ::aerostat_spec::Field > ::OFFSET + << NumPages as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
            Actual as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < Actual as ::aerostat_spec::Field > ::OFFSET + << Actual as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH <= <
            FreePageHintCmdId as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert!(
            < FreePageHintCmdId as ::aerostat_spec::Field > ::OFFSET + <<
            FreePageHintCmdId as ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire
            > ::WIDTH <= < PoisonVal as ::aerostat_spec::Field > ::OFFSET
        );
        ::aerostat_spec::__private::static_assertions::const_assert_eq!(
            < PoisonVal as ::aerostat_spec::Field > ::OFFSET + << PoisonVal as
            ::aerostat_spec::Field > ::Wire as ::aerostat_spec::Wire > ::WIDTH, < Space
            as ::aerostat_spec::Block > ::LEN
        );
    }
    /// A page has two to the power of this many bytes.
    ///
    /// The constant 0xc.
    #[doc(alias = "VIRTIO_BALLOON_PFN_SHIFT")]
    pub const PFN_SHIFT: u32 = 12;
    /// One statistic.
    ///
    /// `stat`: 10 bytes, which C aligns to 1.
    ///
    /// The parameter is the byte order: little-endian, or on the legacy interface that of the guest.
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
    #[zerocopy(crate = "zerocopy")]
    #[repr(C)]
    pub struct Stat<O: zerocopy::ByteOrder = zerocopy::LittleEndian> {
        /// Which statistic it is, one of [`StatTag`].
        ///
        /// `tag`: `virtio16` at offset 0x00.
        pub tag: zerocopy::U16<O>,
        /// Its value. Memory is counted in bytes.
        ///
        /// `val`: `virtio64` at offset 0x02.
        pub val: zerocopy::U64<O>,
    }
    impl<O: zerocopy::ByteOrder> Stat<O> {
        /// The structure with these values.
        pub const fn new(tag: u16, val: u64) -> Self {
            Self {
                tag: zerocopy::U16::new(tag),
                val: zerocopy::U64::new(val),
            }
        }
    }
    ::aerostat_spec::__private::static_assertions::const_assert_eq!(
        ::aerostat_spec::__private::core::mem::size_of:: < Stat > (), 10
    );
    ::aerostat_spec::__private::static_assertions::const_assert_eq!(
        ::aerostat_spec::__private::core::mem::offset_of!(Stat, tag), 0
    );
    ::aerostat_spec::__private::static_assertions::const_assert_eq!(
        ::aerostat_spec::__private::core::mem::offset_of!(Stat, val), 2
    );
    /// Which statistic a value stands for.
    ///
    /// The specification defines 0 to 9; the others are in use between Linux and QEMU.
    ///
    /// `stat_tag`: stored as `u16`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum StatTag {
        /// Bytes of memory that were swapped in.
        ///
        /// `swap_in`: 0.
        #[doc(alias = "VIRTIO_BALLOON_S_SWAP_IN")]
        SwapIn,
        /// Bytes of memory that were swapped out to disk.
        ///
        /// `swap_out`: 1.
        #[doc(alias = "VIRTIO_BALLOON_S_SWAP_OUT")]
        SwapOut,
        /// Page faults that had to read from a disk.
        ///
        /// `major_faults`: 2.
        #[doc(alias = "VIRTIO_BALLOON_S_MAJFLT")]
        MajorFaults,
        /// Page faults that were served without reading from a disk.
        ///
        /// `minor_faults`: 3.
        #[doc(alias = "VIRTIO_BALLOON_S_MINFLT")]
        MinorFaults,
        /// Bytes of memory in use for nothing.
        ///
        /// `free_memory`: 4.
        #[doc(alias = "VIRTIO_BALLOON_S_MEMFREE")]
        FreeMemory,
        /// Bytes of memory that the guest has.
        ///
        /// `total_memory`: 5.
        #[doc(alias = "VIRTIO_BALLOON_S_MEMTOT")]
        TotalMemory,
        /// Bytes of memory that new programs could use without swapping, as an estimate.
        ///
        /// `available_memory`: 6.
        #[doc(alias = "VIRTIO_BALLOON_S_AVAIL")]
        AvailableMemory,
        /// Bytes of memory that could be reclaimed at once without reading or writing a disk, such as caches.
        ///
        /// `disk_caches`: 7.
        #[doc(alias = "VIRTIO_BALLOON_S_CACHES")]
        DiskCaches,
        /// Huge pages that were allocated.
        ///
        /// `hugetlb_allocations`: 8.
        #[doc(alias = "VIRTIO_BALLOON_S_HTLB_PGALLOC")]
        HugetlbAllocations,
        /// Huge pages that could not be allocated.
        ///
        /// `hugetlb_failures`: 9.
        #[doc(alias = "VIRTIO_BALLOON_S_HTLB_PGFAIL")]
        HugetlbFailures,
        /// Times that a program was killed for want of memory.
        ///
        /// `oom_kills`: 10.
        #[doc(alias = "VIRTIO_BALLOON_S_OOM_KILL")]
        OomKills,
        /// Allocations that had to wait for memory.
        ///
        /// `alloc_stalls`: 11.
        #[doc(alias = "VIRTIO_BALLOON_S_ALLOC_STALL")]
        AllocStalls,
        /// Pages looked at in the background in search of some to reclaim.
        ///
        /// `async_scans`: 12.
        #[doc(alias = "VIRTIO_BALLOON_S_ASYNC_SCAN")]
        AsyncScans,
        /// Pages looked at by waiting allocations in search of some to reclaim.
        ///
        /// `direct_scans`: 13.
        #[doc(alias = "VIRTIO_BALLOON_S_DIRECT_SCAN")]
        DirectScans,
        /// Pages reclaimed in the background.
        ///
        /// `async_reclaims`: 14.
        #[doc(alias = "VIRTIO_BALLOON_S_ASYNC_RECLAIM")]
        AsyncReclaims,
        /// Pages reclaimed by waiting allocations.
        ///
        /// `direct_reclaims`: 15.
        #[doc(alias = "VIRTIO_BALLOON_S_DIRECT_RECLAIM")]
        DirectReclaims,
        /// A number that the description does not know.
        Unknown(u16),
    }
    impl StatTag {
        /// All values that the description knows, in its order.
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
        /// The value of a number. [`Unknown`](Self::Unknown) only where the description does not know it.
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
                unknown => Self::Unknown(unknown),
            }
        }
        /// The number of the value.
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
            match self {
                Self::SwapIn => f.pad("swap_in"),
                Self::SwapOut => f.pad("swap_out"),
                Self::MajorFaults => f.pad("major_faults"),
                Self::MinorFaults => f.pad("minor_faults"),
                Self::FreeMemory => f.pad("free_memory"),
                Self::TotalMemory => f.pad("total_memory"),
                Self::AvailableMemory => f.pad("available_memory"),
                Self::DiskCaches => f.pad("disk_caches"),
                Self::HugetlbAllocations => f.pad("hugetlb_allocations"),
                Self::HugetlbFailures => f.pad("hugetlb_failures"),
                Self::OomKills => f.pad("oom_kills"),
                Self::AllocStalls => f.pad("alloc_stalls"),
                Self::AsyncScans => f.pad("async_scans"),
                Self::DirectScans => f.pad("direct_scans"),
                Self::AsyncReclaims => f.pad("async_reclaims"),
                Self::DirectReclaims => f.pad("direct_reclaims"),
                Self::Unknown(raw) => {
                    ::aerostat_spec::__private::core::write!(f, "unknown ({raw})")
                }
            }
        }
    }
    /// What the device asks for with `free_page_hint_cmd_id`, and what the driver answers.
    ///
    /// Any other number is the id of a round of hints.
    ///
    /// `hint_command`: stored as `u32`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum HintCommand {
        /// Stop giving hints; pages hinted before stay with the device until it is done.
        ///
        /// `stop`: 0.
        #[doc(alias = "VIRTIO_BALLOON_CMD_ID_STOP")]
        Stop,
        /// The device is done: all hinted pages belong to the driver again.
        ///
        /// `done`: 1.
        #[doc(alias = "VIRTIO_BALLOON_CMD_ID_DONE")]
        Done,
        /// A number that the description does not know.
        Unknown(u32),
    }
    impl HintCommand {
        /// All values that the description knows, in its order.
        pub const ALL: &'static [Self] = &[Self::Stop, Self::Done];
        /// The value of a number. [`Unknown`](Self::Unknown) only where the description does not know it.
        #[allow(unreachable_patterns)]
        pub const fn from_raw(raw: u32) -> Self {
            match raw {
                0 => Self::Stop,
                1 => Self::Done,
                unknown => Self::Unknown(unknown),
            }
        }
        /// The number of the value.
        pub const fn to_raw(self) -> u32 {
            match self {
                Self::Stop => 0,
                Self::Done => 1,
                Self::Unknown(raw) => raw,
            }
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
            match self {
                Self::Stop => f.pad("stop"),
                Self::Done => f.pad("done"),
                Self::Unknown(raw) => {
                    ::aerostat_spec::__private::core::write!(f, "unknown ({raw})")
                }
            }
        }
    }
}
