//! The features that this driver can use. [`features!`](crate::features!) takes their names.
//!
//! | feature | what the kernel implements | what it gets |
//! |---|---|---|
//! | [`MustTellHost`] | | the host is notified before deflated pages are used |
//! | [`StatsVq`] | [`Statistics`](crate::platform::Statistics) | [`service_statistics`](crate::Balloon::service_statistics) |
//! | [`DeflateOnOom`] | | [`deflate_on_oom`](crate::Balloon::deflate_on_oom) |
//! | [`FreePageHint`] | [`HintFrames`](crate::platform::HintFrames) | [`service_hinting`](crate::Balloon::service_hinting) |
//! | [`PagePoison`] | [`FillFrames`](crate::platform::FillFrames) | [`Options::poison_value`](crate::Options::poison_value) |
//! | [`PageReporting`] | [`ReportFrames`](crate::platform::ReportFrames) | [`service_reporting`](crate::Balloon::service_reporting) |
//! | [`BlockInflation`] | [`BlockFrames`](crate::platform::BlockFrames), beside [`PageReporting`] | [`block_inflation`](crate::Balloon::block_inflation) |
//! | [`AccessPlatform`](AccessPlatform) | [`Dma::map`](aerostat_transport::Dma::map) | devices behind an IOMMU |
//! | the others | | faster or safer virtqueues |

use aerostat_spec::{Requirement, RequirementOf};

pub use super::block_inflation::BlockInflation;
pub use aerostat_spec::balloon::feature::{
    DeflateOnOom, FreePageHint, MustTellHost, PagePoison, PageReporting, StatsVq,
};
pub use aerostat_spec::reserved::feature::{
    AccessPlatform, EventIdx, InOrder, IndirectDesc, NotificationData, OrderPlatform, RingPacked,
};

/// A value that depends on the feature `X` in the feature set `F`: a `V` if the feature is required, an `Option<V>` if it is
/// optional, and [`NotDeclared`](aerostat_spec::NotDeclared) otherwise.
pub type IfDeclared<F, X, V> = <RequirementOf<F, X> as Requirement>::Value<V>;
