//! Features that the driver can use, and what it has to be told about each.

use core::fmt::{self, Debug, Formatter};
use core::time::Duration;

use aerostat_spec::balloon::feature;
pub use aerostat_spec::balloon::feature::{MustTellHost, StatsVq};
pub use aerostat_spec::reserved::feature::{
    AccessPlatform, EventIdx, InOrder, IndirectDesc, NotificationData, OrderPlatform, RingPacked,
};
use aerostat_spec::{Feature, FeatureSet, HasFeature};
use aerostat_transport::Numbering;

use crate::frame::{FrameRun, FrameSize};
use crate::live::ARRAYS;
use crate::platform::{FillFrames, FreeContents, HintFrames, ReportFrames};
use crate::statistics::{Sample, Statistics};

/// A feature of the balloon that this driver makes use of. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature that the balloon driver can use",
    label = "no support for this feature",
    note = "see the implementations of `BalloonFeature` for the features that can be declared"
)]
pub trait BalloonFeature: sealed::Sealed {
    /// The feature bit.
    type Feature: Feature;
}

/// A feature that can be used with the kernel's side `P`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used with `{P}`",
    label = "the kernel's side lacks what this feature needs",
    note = "`StatsVq` needs `Statistics`, `PagePoison` needs `FillFrames`, `PageReporting` needs `ReportFrames`, \
            `FreePageHint` needs `HintFrames`"
)]
pub trait Configure<P>: BalloonFeature {
    /// Puts what the value says into the options.
    fn configure(self, options: &mut Options<P>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AccessPlatform {}
    impl Sealed for super::EventIdx {}
    impl Sealed for super::InOrder {}
    impl Sealed for super::IndirectDesc {}
    impl Sealed for super::NotificationData {}
    impl Sealed for super::OrderPlatform {}
    impl Sealed for super::RingPacked {}
    impl Sealed for super::MustTellHost {}
    impl Sealed for super::StatsVq {}
    impl Sealed for super::DeflateOnOom {}
    impl Sealed for super::FreePageHint {}
    impl Sealed for super::PagePoison {}
    impl Sealed for super::PageReporting {}
}

/// The guest may take memory back from the balloon when it has run out of memory: at most so many pages at a time. 256
/// unless set.
#[doc(alias = "VIRTIO_BALLOON_F_DEFLATE_ON_OOM")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateOnOom(pub u32);

impl Default for DeflateOnOom {
    fn default() -> Self {
        Self(256)
    }
}

/// Free memory is hinted to the host during a migration, in blocks of so many bytes: a power of two, from a frame to 1 GiB.
/// 4 MiB unless set.
#[doc(alias = "VIRTIO_BALLOON_F_FREE_PAGE_HINT")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreePageHint(pub u32);

impl Default for FreePageHint {
    fn default() -> Self {
        Self(4 << 20)
    }
}

/// Memory that comes back from the host is filled with this value before it is used, and the host knows.
#[doc(alias = "VIRTIO_BALLOON_F_PAGE_POISON")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PagePoison(pub u32);

/// Free memory is reported to the host, in blocks of so many bytes: a power of two, from a frame to 1 GiB. 2 MiB unless set.
/// Linux and QEMU call this feature REPORTING.
#[doc(alias = "VIRTIO_BALLOON_F_PAGE_REPORTING")]
#[doc(alias = "VIRTIO_BALLOON_F_REPORTING")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageReporting(pub u32);

impl Default for PageReporting {
    fn default() -> Self {
        Self(2 << 20)
    }
}

/// What the driver was asked for beside the levels of features.
pub struct Options<P> {
    /// Arrays of page numbers that may be with the device at a time.
    pub(crate) depth: u16,
    /// Pause after the kernel had no frame to spare.
    pub(crate) retry_after: Duration,
    /// How the queues are numbered.
    pub(crate) numbering: Numbering,
    /// First pause after the kernel was out of memory; zero for none.
    pub(crate) hold_off: Duration,
    /// Pages that a deflation on OOM takes at the most.
    pub(crate) relief: u32,
    pub(crate) sample: Option<fn(&mut P, &mut Sample)>,
    pub(crate) poison: Option<Fill<P>>,
    /// Frames in a block that is reported.
    pub(crate) report: u32,
    /// Frames in a block that is hinted.
    pub(crate) hint: u32,
    pub(crate) contents: FreeContents,
}

/// How frames are filled, and with what.
pub(crate) struct Fill<P> {
    pub(crate) fill: fn(&mut P, u64, u32, u32),
    pub(crate) value: u32,
}

impl<P> Clone for Fill<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Fill<P> {}

impl<P> Debug for Fill<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill").field("value", &self.value).finish_non_exhaustive()
    }
}

impl<P> Clone for Options<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Options<P> {}

impl<P> Default for Options<P> {
    fn default() -> Self {
        Self {
            depth: ARRAYS as u16,
            retry_after: Duration::from_millis(200),
            numbering: Numbering::Automatic,
            hold_off: Duration::from_secs(1),
            relief: 0,
            sample: None,
            poison: None,
            report: 1,
            hint: 1,
            contents: FreeContents::Undefined,
        }
    }
}

impl<P> Debug for Options<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("depth", &self.depth)
            .field("retry_after", &self.retry_after)
            .field("numbering", &self.numbering)
            .field("hold_off", &self.hold_off)
            .finish_non_exhaustive()
    }
}

/// Features that are their own value: there is nothing to be told about them.
macro_rules! bare {
    ($($feature:ident),*) => {$(
        impl BalloonFeature for $feature {
            type Feature = Self;
        }

        impl<P> Configure<P> for $feature {
            fn configure(self, _options: &mut Options<P>) {}
        }
    )*};
}

bare!(MustTellHost, AccessPlatform, EventIdx, InOrder, IndirectDesc, NotificationData, OrderPlatform, RingPacked);

impl BalloonFeature for StatsVq {
    type Feature = Self;
}

impl<P: Statistics> Configure<P> for StatsVq {
    fn configure(self, options: &mut Options<P>) {
        options.sample = Some(P::sample);
    }
}

impl BalloonFeature for DeflateOnOom {
    type Feature = feature::DeflateOnOom;
}

impl<P> Configure<P> for DeflateOnOom {
    fn configure(self, options: &mut Options<P>) {
        options.relief = self.0;
    }
}

impl BalloonFeature for FreePageHint {
    type Feature = feature::FreePageHint;
}

impl<P: HintFrames> Configure<P> for FreePageHint {
    fn configure(self, options: &mut Options<P>) {
        options.hint = frames::<P::Size>(self.0);
    }
}

impl BalloonFeature for PagePoison {
    type Feature = feature::PagePoison;
}

impl<P: FillFrames> Configure<P> for PagePoison {
    fn configure(self, options: &mut Options<P>) {
        let fill = |platform: &mut P, first, count, value| platform.fill(&FrameRun::leaving(first, count), value);
        options.poison = Some(Fill { fill, value: self.0 });
    }
}

impl BalloonFeature for PageReporting {
    type Feature = feature::PageReporting;
}

impl<P: ReportFrames> Configure<P> for PageReporting {
    fn configure(self, options: &mut Options<P>) {
        options.report = frames::<P::Size>(self.0);
        options.contents = P::CONTENTS;
    }
}

/// The frames of a block of so many bytes: rounded up to a power of two, at most those of 1 GiB.
fn frames<S: FrameSize>(bytes: u32) -> u32 {
    let most = (1_u32 << 30) / S::BYTES as u32;
    (bytes / S::BYTES as u32).clamp(1, most).next_power_of_two()
}

/// A declaration that a balloon can be probed with: any that [`features!`](crate::features!) names.
pub trait BalloonFeatureSet:
    FeatureSet
    + HasFeature<MustTellHost>
    + HasFeature<StatsVq>
    + HasFeature<feature::DeflateOnOom>
    + HasFeature<feature::FreePageHint>
    + HasFeature<feature::PagePoison>
    + HasFeature<feature::PageReporting>
{
}

impl<L> BalloonFeatureSet for L where
    L: FeatureSet
        + HasFeature<MustTellHost>
        + HasFeature<StatsVq>
        + HasFeature<feature::DeflateOnOom>
        + HasFeature<feature::FreePageHint>
        + HasFeature<feature::PagePoison>
        + HasFeature<feature::PageReporting>
{
}
