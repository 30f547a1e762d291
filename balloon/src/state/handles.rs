//! Handles for the parts of a split balloon, for different contexts of a kernel.

use core::fmt::{self, Debug, Formatter};
use core::ptr::NonNull;

use aerostat_transport::{InterruptStatus, Transport};

use crate::error::BalloonError;
use crate::features::feature::{BlockInflation, FreePageHint, PageReporting, StatsVq};
use crate::features::{BalloonFeatureSet, Chosen, Platform, declared, declared_mut};
use crate::parts::{Part, Parts, Shared};
use crate::platform::Statistics;
use crate::queues::{HeldReports, HintingQueue, LiveFlag, Progress, ReportingQueue, StatisticsQueue, StatsRequest};

/// The right to use one part of a split balloon. At most one exists for each part.
struct PartRef<T: Transport, P: Platform<F>, F: BalloonFeatureSet> {
    parts: NonNull<Parts<Chosen<T, P, F>>>,
    part: Part,
}

// SAFETY: a handle uses only its own part, exclusively, and the flags that all contexts share. The parts that have handles
// are queues, which contain a notifier and a configuration space, but neither transport nor platform.
unsafe impl<T: Transport<Notifier: Send, Config: Send>, P: Platform<F>, F: BalloonFeatureSet> Send
    for PartRef<T, P, F>
{
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> PartRef<T, P, F> {
    fn shared(&self) -> &Shared {
        // SAFETY: the parts are not freed while a handle exists.
        let shared = unsafe { &raw const (*self.parts.as_ptr()).shared };
        // SAFETY: the field is valid, and all contexts only share it.
        unsafe { &*shared }
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Drop for PartRef<T, P, F> {
    fn drop(&mut self) {
        self.shared().remove_handle(self.part);
    }
}

macro_rules! handle {
    ($(#[$attribute:meta])* $name:ident, $part:ident, $field:ident, $feature:ident, $queue:ty, $(#[$in_flight:meta])*) => {
        $(#[$attribute])*
        pub struct $name<T: Transport, P: Platform<F>, F: BalloonFeatureSet>(PartRef<T, P, F>);

        impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> Debug for $name<T, P, F> {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.0.part).finish()
            }
        }

        impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> $name<T, P, F> {
            /// Creates the handle.
            ///
            /// # Safety
            ///
            /// The parts are valid, and stay so while the handle exists. Nothing else uses the part while the handle exists,
            /// and no other handle for it exists.
            pub(super) unsafe fn new(parts: NonNull<Parts<Chosen<T, P, F>>>) -> Self {
                let handle = Self(PartRef { parts, part: Part::$part });
                handle.0.shared().add_handle(Part::$part);
                handle
            }

            /// Returns whether the handle is for a part of this balloon.
            pub(super) fn is_of(&self, parts: NonNull<Parts<Chosen<T, P, F>>>) -> bool {
                self.0.parts == parts
            }

            /// Returns the queue of the handle, and whether the device is live.
            #[inline]
            pub(super) fn queue(&mut self) -> Result<(&mut $queue, &LiveFlag), BalloonError> {
                // SAFETY: the parts are not freed while a handle exists.
                let part = unsafe { &raw mut (*self.0.parts.as_ptr()).$field };
                // SAFETY: the field is valid, and only this handle uses it, exclusively like `self`.
                let queue = declared_mut::<F, $feature, _>(unsafe { &mut *part }).ok_or(BalloonError::NotLive)?;
                Ok((queue, &self.0.shared().live))
            }

            /// Returns the number of buffers that the device has.
            $(#[$in_flight])*
            pub fn in_flight(&self) -> usize {
                self.queue_ref().map_or(0, |queue| queue.slot.in_flight())
            }

            /// Returns a number that changes with every buffer that the device returns. It wraps.
            pub fn progress(&self) -> u32 {
                self.queue_ref().map_or(0, |queue| queue.returned)
            }

            fn queue_ref(&self) -> Option<&$queue> {
                // SAFETY: the parts are not freed while a handle exists.
                let part = unsafe { &raw const (*self.0.parts.as_ptr()).$field };
                // SAFETY: the field is valid, and only this handle uses it, shared like `self`.
                declared::<F, $feature, _>(unsafe { &*part })
            }

            /// Notifies the device again of the buffers that it has, see [`notify_again`](crate::Balloon::notify_again). It does
            /// at most two register accesses.
            ///
            /// # Errors
            ///
            /// [`BalloonError::Device`], and [`BalloonError::NotLive`] if the balloon was abandoned or dropped.
            pub fn notify_again(&mut self) -> Result<(), BalloonError> {
                let (queue, live) = self.queue()?;
                queue.check(live)?;
                queue.notify_again();
                Ok(())
            }
        }
    };
}

handle! {
    /// Answers the host's requests for statistics.
    ///
    /// If it is dropped, the memory of its queue is returned when the balloon is dropped.
    StatisticsHandle, Statistics, statistics, StatsVq, StatisticsQueue<T::Notifier, T::Config>,
    ///
    /// The device has the buffer until the host requests statistics, so 1 without progress does not mean an error.
}

handle! {
    /// Reports free memory to the host.
    ///
    /// If it is dropped, the blocks that the device has and the memory of its queue are returned when the balloon is dropped.
    ReportingHandle, Reporting, reporting, PageReporting, ReportingQueue<T::Notifier, T::Config>,
    ///
    /// If it is not 0 and [`progress`](Self::progress) does not change, the device does not answer.
}

handle! {
    /// Hints free memory to the host during live migrations.
    ///
    /// If it is dropped, the blocks that the device has and the memory of its queue are returned when the balloon is dropped.
    HintingHandle, Hinting, hinting, FreePageHint, HintingQueue<T::Notifier, T::Config>,
    ///
    /// If it is not 0 and [`progress`](Self::progress) does not change, the device does not answer. Blocks whose buffers the device
    /// has returned are not counted, although they stay with it until the host is done.
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> StatisticsHandle<T, P, F> {
    /// Answers the host if it has requested statistics, see [`service_statistics`](crate::Balloon::service_statistics).
    /// It does at most two register accesses.
    ///
    /// # Errors
    ///
    /// [`BalloonError::Device`]
    pub fn service(&mut self, source: &mut impl Statistics) -> Result<StatsRequest, BalloonError> {
        let (queue, live) = self.queue()?;
        queue.service(live, |sample| source.sample(sample))
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> ReportingHandle<T, P, F> {
    /// Returns the queue of the handle with the reports of block inflation, if that is declared, and whether the device is live.
    #[inline]
    pub(super) fn reports(
        &mut self,
    ) -> Result<(&mut ReportingQueue<T::Notifier, T::Config>, Option<&mut HeldReports>, &LiveFlag), BalloonError> {
        // SAFETY: the parts are not freed while a handle exists.
        let held = unsafe { &raw mut (*self.0.parts.as_ptr()).held };
        // SAFETY: the field is valid, and belongs to this handle, which uses it exclusively like `self`.
        let held = declared_mut::<F, BlockInflation, _>(unsafe { &mut *held });
        let (queue, live) = self.queue()?;
        Ok((queue, held, live))
    }

    /// Makes one bounded step of reporting, see [`service_reporting`](crate::Balloon::service_reporting). It does at
    /// most two register accesses.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn service(&mut self, platform: &mut P) -> Result<Progress, BalloonError> {
        let (queue, held, live) = self.reports()?;
        queue.service::<P, F>(held, platform, live)
    }
}

impl<T: Transport, P: Platform<F>, F: BalloonFeatureSet> HintingHandle<T, P, F> {
    /// Makes one bounded step of hinting, see [`service_hinting`](crate::Balloon::service_hinting). It does at most
    /// 131 register accesses.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn service(&mut self, platform: &mut P, status: InterruptStatus) -> Result<Progress, BalloonError> {
        let (queue, live) = self.queue()?;
        queue.service::<P, F>(platform, live, status)
    }

    /// Takes hinted blocks back from the host before it is done, see [`reclaim_hinted`](crate::Balloon::reclaim_hinted). It does
    /// at most two register accesses.
    ///
    /// # Errors
    ///
    /// [`BalloonError`]. Blocks that the device has stay with it.
    pub fn reclaim_hinted(&mut self, platform: &mut P, frames: u32) -> Result<u32, BalloonError> {
        let (queue, live) = self.queue()?;
        queue.reclaim::<P, F>(platform, live, frames)
    }
}
