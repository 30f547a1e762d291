//! What all contexts of a split balloon read and write.

use core::sync::atomic::Ordering;

use crate::queues::LiveFlag;
use crate::sync::AtomicU8;

/// Flags that all contexts of a split balloon read and write.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) live: LiveFlag,
    /// One bit for each handle that exists.
    handles: AtomicU8,
}

/// A part of the balloon that has a handle of its own after a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Part {
    Statistics = 1,
    Reporting = 2,
    Hinting = 4,
}

impl Shared {
    /// Returns the flags of a balloon that is not live and has no handles.
    pub(crate) const fn new() -> Self {
        Self { live: LiveFlag::new(), handles: AtomicU8::new(0) }
    }

    /// Notes that a handle exists.
    pub(crate) fn add_handle(&self, part: Part) {
        self.handles.fetch_or(part as u8, Ordering::AcqRel);
    }

    /// Notes that a handle no longer exists.
    pub(crate) fn remove_handle(&self, part: Part) {
        // Release: what the handle did to its part happens before the balloon uses the part.
        self.handles.fetch_and(!(part as u8), Ordering::AcqRel);
    }

    /// Returns whether the handle of a part exists.
    pub(crate) fn has_handle(&self, part: Part) -> bool {
        self.handles.load(Ordering::Acquire) & part as u8 != 0
    }

    /// Returns whether a handle exists.
    pub(crate) fn has_handles(&self) -> bool {
        self.handles.load(Ordering::Acquire) != 0
    }
}
