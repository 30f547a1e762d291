//! Units: the balloon interface counts *pages* of 4 KiB, a kernel allocates *frames* of its own size.

use core::fmt::{self, Debug, Display, Formatter};
use core::marker::PhantomData;
use core::ops::Range;

/// A number of 4 KiB pages: the unit of the target and of the size that the host sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pages(pub u32);

impl Pages {
    /// Bytes in a page, the unit of the balloon interface for every guest frame size.
    pub const SIZE: u64 = 4096;

    /// Returns the size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0 as u64 * Self::SIZE
    }

    /// Returns the number of frames that hold this many pages, rounded up because a frame is never split.
    pub const fn frames<S: FrameSize>(self) -> u32 {
        self.0.div_ceil(S::PAGES)
    }
}

impl Display for Pages {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} pages of 4 KiB", self.0)
    }
}

/// The size of a guest's frames: [`Size4KiB`], [`Size16KiB`] or [`Size64KiB`]. Sealed.
pub trait FrameSize: Copy + Debug + Send + Sync + 'static + sealed::Sealed {
    /// Pages of 4 KiB in a frame.
    const PAGES: u32;
    /// Bytes in a frame.
    const BYTES: u64 = Self::PAGES as u64 * Pages::SIZE;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! frame_size {
    ($(#[$doc:meta] $name:ident = $pages:literal;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;
        impl sealed::Sealed for $name {}
        impl FrameSize for $name {
            const PAGES: u32 = $pages;
        }
    )*};
}

frame_size! {
    /// Frames of 4 KiB: one page each.
    Size4KiB = 1;
    /// Frames of 16 KiB: four pages each.
    Size16KiB = 4;
    /// Frames of 64 KiB: sixteen pages each.
    Size64KiB = 16;
}

/// A run of consecutive guest frames, owned by the holder of the value.
///
/// It is neither `Copy` nor `Clone`, so each frame has one owner. Dropping a run loses its frames: return them to the
/// kernel's allocator through [`Frames::deallocate`](crate::Frames::deallocate).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "dropping a run loses its frames"]
pub struct FrameRun<S> {
    first: u64,
    count: u32,
    size: PhantomData<S>,
}

impl<S: FrameSize> FrameRun<S> {
    /// Creates the run of `count` frames that starts at frame number `first` (physical address divided by the frame
    /// size).
    ///
    /// # Safety
    ///
    /// The frames are ordinary guest memory that the caller owns. Until the run comes back, no code reads or writes the
    /// frames or passes them on a second time. Their contents may be lost from this call on.
    pub const unsafe fn from_raw(first: u64, count: u32) -> Self {
        Self { first, count, size: PhantomData }
    }

    /// Returns the number of the first frame.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Returns the number of frames. A run that this crate returns has at least one.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Returns the physical address of the first frame, in bytes.
    pub const fn address(&self) -> u64 {
        self.first.saturating_mul(S::BYTES)
    }

    /// Returns the length of the run in bytes.
    pub const fn bytes(&self) -> u64 {
        self.count as u64 * S::BYTES
    }

    /// Splits the run into its first `count` frames and the rest, if any.
    pub fn split(self, count: u32) -> (Self, Option<Self>) {
        match self.count.checked_sub(count) {
            None | Some(0) => (self, None),
            Some(left) => {
                let rest = Self { first: self.first.saturating_add(count.into()), count: left, size: PhantomData };
                (Self { count, ..self }, Some(rest))
            }
        }
    }

    /// Creates a run of frames that the balloon has just removed from one of its bitmaps.
    pub(crate) const fn removed(first: u64, count: u32) -> Self {
        Self { first, count, size: PhantomData }
    }

    /// Returns the balloon page number of the first frame, or `None` if the run ends above 16 TiB, where 32-bit page
    /// numbers end.
    // conformance: construct balloon.op.1: the entries of inflate arrays; the first of a run
    #[inline]
    pub(crate) fn first_page(&self) -> Option<u32> {
        let end = self.first.checked_add(self.count.into())?.checked_mul(S::PAGES.into())?;
        if end > 1 << 32 { None } else { u32::try_from(self.first * u64::from(S::PAGES)).ok() }
    }
}

/// Returns the frames of a range that can be in the balloon: those below 16 TiB.
pub(crate) fn usable_frames<S: FrameSize>(range: Range<u64>) -> Range<u64> {
    let limit = (1 << 32) / u64::from(S::PAGES);
    range.start.min(limit)..range.end.min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<S: FrameSize>(first: u64, count: u32) -> FrameRun<S> {
        // SAFETY: these frames are only numbers here, no memory is used.
        unsafe { FrameRun::from_raw(first, count) }
    }

    #[test]
    fn a_frame_at_or_above_16_tib_has_no_page_number() {
        assert_eq!(run::<Size4KiB>((1 << 32) - 2, 2).first_page(), Some(u32::MAX - 1));
        assert_eq!(run::<Size4KiB>((1 << 32) - 2, 3).first_page(), None);
        assert_eq!(run::<Size4KiB>(1 << 32, 1).first_page(), None);
        assert_eq!(run::<Size64KiB>((1 << 28) - 1, 1).first_page(), Some(u32::MAX - 15));
        assert_eq!(run::<Size64KiB>(1 << 28, 1).first_page(), None);
        assert_eq!(run::<Size16KiB>(u64::MAX, 1).first_page(), None);
        assert_eq!(run::<Size16KiB>(u64::MAX - 1, 1).first_page(), None);
    }

    #[test]
    fn a_target_is_rounded_up_to_whole_frames() {
        assert_eq!(Pages(17).frames::<Size64KiB>(), 2);
        assert_eq!(Pages(16).frames::<Size64KiB>(), 1);
        assert_eq!(Pages(u32::MAX).frames::<Size64KiB>(), 1 << 28);
        assert_eq!(Pages(0).frames::<Size4KiB>(), 0);
    }

    #[test]
    fn splitting_a_run_keeps_every_frame() {
        let (first, rest) = run::<Size4KiB>(10, 5).split(2);
        assert_eq!((first.first(), first.count()), (10, 2));
        assert_eq!(rest.map(|rest| (rest.first(), rest.count())), Some((12, 3)));
        let (all, none) = run::<Size4KiB>(10, 5).split(9);
        assert_eq!((all.count(), none), (5, None));
    }
}
