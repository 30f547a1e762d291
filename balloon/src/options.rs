//! Values that a kernel may set before the device is probed.

use core::marker::PhantomData;
use core::ops::Range;
use core::time::Duration;

use aerostat_spec::{Available, Feature, HasFeature, Optional, Requirement, RequirementOf};
use aerostat_transport::Numbering;

use crate::features::BalloonFeatureSet;
use crate::features::feature::{BlockInflation, DeflateOnOom, FreePageHint, PagePoison, PageReporting};
use crate::units::FrameSize;

/// Arrays that a page queue has room for.
pub(crate) const MAX_IN_FLIGHT: usize = 16;

/// The largest block of free page reporting and hinting, in bytes.
const MAX_BLOCK_BYTES: u32 = 1 << 30;

/// Free frames that the balloon leaves to the kernel. See [`Options::reserve`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reserve {
    /// No frames: the balloon takes every frame that [`Frames::allocate`](crate::Frames::allocate) returns.
    #[default]
    None,
    /// This many frames.
    Frames(u64),
    /// This share of the frames of [`Frames::range`](crate::Frames::range), in percent.
    Percent(u8),
}

impl Reserve {
    /// Returns the number of frames for a kernel with this range of frames.
    pub(crate) fn frames(self, range: &Range<u64>) -> u64 {
        match self {
            Self::None => 0,
            Self::Frames(frames) => frames,
            // Divided first, so that it does not overflow.
            Self::Percent(percent) => {
                let frames = range.end.saturating_sub(range.start);
                (frames / 100).saturating_mul(percent.into()).saturating_add(frames % 100 * u64::from(percent) / 100)
            }
        }
    }
}

/// The features that a kernel uses, and the values that go with them. Every value has a default.
///
/// ```
/// use aerostat_balloon::{Options, feature, features};
///
/// features! {
///     /// What this kernel uses of the balloon.
///     pub struct KernelFeatures { PagePoison: Optional, PageReporting: Optional }
/// }
///
/// let options = Options::new(KernelFeatures).poison_value(0).report_block(4 << 20);
/// // An optional feature can be left out at run time.
/// let options = options.without(feature::PagePoison);
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "options do nothing until they are passed to `Balloon::new`"]
pub struct Options<F> {
    pub(crate) max_in_flight: u16,
    pub(crate) reserve: Reserve,
    pub(crate) retry_after: Duration,
    pub(crate) numbering: Numbering,
    pub(crate) oom_backoff: Duration,
    pub(crate) oom_pages: u32,
    pub(crate) poison_value: u32,
    /// Bytes in a block that is reported.
    pub(crate) report_block: u32,
    /// Bytes in a block that is hinted.
    pub(crate) hint_block: u32,
    /// Blocks of block inflation leave the balloon through the deflate queue.
    pub(crate) tells_host_of_blocks: bool,
    /// Mask of the features that are left out.
    pub(crate) without: u64,
    features: PhantomData<F>,
}

impl<F: BalloonFeatureSet> Options<F> {
    /// The default size of the blocks that are reported, in bytes.
    pub const DEFAULT_REPORT_BLOCK: u32 = 2 << 20;

    /// Creates the default options for a set of features.
    pub const fn new(_features: F) -> Self {
        Self {
            max_in_flight: MAX_IN_FLIGHT as u16,
            reserve: Reserve::None,
            retry_after: Duration::from_millis(200),
            numbering: Numbering::Automatic,
            oom_backoff: Duration::from_secs(1),
            oom_pages: 256,
            poison_value: 0,
            report_block: Self::DEFAULT_REPORT_BLOCK,
            hint_block: 4 << 20,
            tells_host_of_blocks: false,
            without: 0,
            features: PhantomData,
        }
    }

    /// Leaves out an optional feature, even if the device offers it.
    pub fn without<X: Feature>(mut self, _feature: X) -> Self
    where
        F: HasFeature<X>,
        RequirementOf<F, X>: LeftOut<X>,
    {
        self.without |= 1 << X::BIT;
        self
    }

    /// Sets how many arrays of up to 256 page numbers the device may have at a time: 1 to 16. The default is 16.
    pub fn max_in_flight(mut self, arrays: u16) -> Self {
        self.max_in_flight = arrays.clamp(1, MAX_IN_FLIGHT as u16);
        self
    }

    /// Sets how many free frames the balloon leaves to the kernel: it takes no frame, and reports or hints no block, while fewer
    /// would stay free. The driver reads [`Frames::free_frames`](crate::Frames::free_frames) once for each array or report. By
    /// default nothing is reserved.
    ///
    /// A host may set a target that is larger than the memory of the guest. Without a reserve the balloon then takes the last free
    /// frame, and the kernel has none for page tables or its own I/O.
    pub fn reserve(mut self, reserve: Reserve) -> Self {
        self.reserve = reserve;
        self
    }

    /// Sets how the device numbers its queues. By default the driver finds out.
    pub fn numbering(mut self, numbering: Numbering) -> Self {
        self.numbering = numbering;
        self
    }

    /// Sets the pause before [`service`](crate::Balloon::service) is called again when the kernel could not spare a
    /// frame. The default is 200 ms.
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = pause;
        self
    }

    /// Sets the value that the kernel's free memory contains, 0 by default. The driver tells it to the host and fills memory
    /// with it when that leaves the balloon.
    pub fn poison_value(mut self, value: u32) -> Self
    where
        RequirementOf<F, PagePoison>: Available<PagePoison>,
    {
        self.poison_value = value;
        self
    }

    /// Sets how many pages [`deflate_on_oom`](crate::Balloon::deflate_on_oom) takes out of the balloon at most. The default
    /// is 256.
    pub fn oom_pages(mut self, pages: u32) -> Self
    where
        RequirementOf<F, DeflateOnOom>: Available<DeflateOnOom>,
    {
        self.oom_pages = pages;
        self
    }

    /// Sets the pause after [`deflate_on_oom`](crate::Balloon::deflate_on_oom) in which the balloon does not inflate, so that
    /// it does not take the same pages again. The pause doubles, up to 64 times, while the kernel keeps running out of
    /// memory. The default is 1 s; zero means no pause.
    pub fn oom_backoff(mut self, pause: Duration) -> Self
    where
        RequirementOf<F, DeflateOnOom>: Available<DeflateOnOom>,
    {
        self.oom_backoff = pause;
        self
    }

    /// Sets the size of the blocks that are reported, in bytes: a power of two, from a frame to 1 GiB. Other values are
    /// rounded up, and those above 1 GiB down to it. The default is 2 MiB.
    pub fn report_block(mut self, bytes: u32) -> Self
    where
        RequirementOf<F, PageReporting>: Available<PageReporting>,
    {
        self.report_block = bytes;
        self
    }

    /// Sends the entries of the deflate queue for the pages of [block inflation](crate::feature::BlockInflation) too, for hosts that
    /// want a message before a page is used again. Blocks then leave the balloon page by page, as the device acknowledges them, which takes as long as without
    /// block inflation.
    pub fn tell_host_of_blocks(mut self) -> Self
    where
        RequirementOf<F, BlockInflation>: Available<BlockInflation>,
    {
        self.tells_host_of_blocks = true;
        self
    }

    /// Sets the size of the blocks that are hinted, in bytes: a power of two, from a frame to 1 GiB. Other values are
    /// rounded up, and those above 1 GiB down to it. The default is 4 MiB.
    pub fn hint_block(mut self, bytes: u32) -> Self
    where
        RequirementOf<F, FreePageHint>: Available<FreePageHint>,
    {
        self.hint_block = bytes;
        self
    }
}

/// The requirement for the feature `X` if it can be left out: [`Optional`].
#[diagnostic::on_unimplemented(
    message = "the feature `{X}` is not optional",
    label = "only an optional feature can be left out",
    note = "declare it as `{X}: Optional` in the feature set"
)]
pub trait LeftOut<X>: Requirement {}
#[diagnostic::do_not_recommend]
impl<X> LeftOut<X> for Optional {}

/// Returns the number of frames in a block of `bytes` bytes, rounded up to a power of two.
pub(crate) fn block_frames<S: FrameSize>(bytes: u32) -> u32 {
    let max = MAX_BLOCK_BYTES / S::BYTES as u32;
    bytes.div_ceil(S::BYTES as u32).clamp(1, max).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Size4KiB;

    #[test]
    fn a_reserve_is_a_number_of_frames_or_a_share_of_the_range() {
        assert_eq!(Reserve::None.frames(&(0..1000)), 0);
        assert_eq!(Reserve::Frames(7).frames(&(0..1000)), 7);
        assert_eq!(Reserve::Percent(3).frames(&(1000..1250)), 7);
        assert_eq!(Reserve::Percent(100).frames(&(0..u64::MAX)), u64::MAX);
        assert_eq!(Reserve::Percent(255).frames(&(0..u64::MAX)), u64::MAX);
    }

    #[test]
    fn the_size_of_a_block_is_rounded_up_to_a_power_of_two_frames_within_the_limits() {
        for (bytes, frames) in [(0, 1), (4096, 1), (6 << 10, 2), (2 << 20, 512), ((2 << 20) + 1, 1024)] {
            assert_eq!(block_frames::<Size4KiB>(bytes), frames, "{bytes}");
        }
        assert_eq!(block_frames::<Size4KiB>(u32::MAX), 1 << 18);
    }
}
