//! The features that this driver can use. [`features!`](crate::features!) takes their names.
//!
//! | feature | what the kernel implements | what it gets |
//! |---|---|---|
//! | [`MustTellHost`] | | the host is notified before deflated pages are used |
//! | [`StatsVq`] | [`Statistics`](crate::Statistics) | [`service_statistics`](crate::Balloon::service_statistics) |
//! | [`DeflateOnOom`] | | [`deflate_on_oom`](crate::Balloon::deflate_on_oom) |
//! | [`FreePageHint`] | [`HintFrames`](crate::HintFrames) | [`service_hinting`](crate::Balloon::service_hinting) |
//! | [`PagePoison`] | [`FillFrames`](crate::FillFrames) | [`Options::poison_value`](crate::Options::poison_value) |
//! | [`PageReporting`] | [`ReportFrames`](crate::ReportFrames) | [`service_reporting`](crate::Balloon::service_reporting) |
//! | [`AccessPlatform`](AccessPlatform) | [`Dma::map`](aerostat_transport::Dma::map) | devices behind an IOMMU |
//! | the others | | faster or safer virtqueues |

pub use aerostat_spec::balloon::feature::{
    DeflateOnOom, FreePageHint, MustTellHost, PagePoison, PageReporting, StatsVq,
};
pub use aerostat_spec::reserved::feature::{
    AccessPlatform, EventIdx, InOrder, IndirectDesc, NotificationData, OrderPlatform, RingPacked,
};
