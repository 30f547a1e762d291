//! A page queue: the inflate queue or the deflate queue, with the arrays of page numbers in it.

use core::mem::take;

use aerostat_spec as spec;
use aerostat_spec::direction::DeviceReads;
use aerostat_spec::{FeatureSet, balloon};
use aerostat_transport::queue::{AddError, Disabled, Token, Writer};
use aerostat_transport::{BufferQueue, Device, DeviceError, Dma, FeaturesOk, Notifier, QueueError, Transport};

use super::slot::Slot;
use crate::options::MAX_IN_FLIGHT;

/// Page numbers in an array. Some deployed devices reject longer arrays.
pub(crate) const ENTRIES: usize = 256;
/// Bytes of a page number.
pub(crate) const ENTRY_BYTES: usize = size_of::<u32>();
/// A page queue needs one descriptor.
const MIN_DESCRIPTORS: u16 = 1;

type Queue<N> = BufferQueue<N, MAX_IN_FLIGHT, Disabled, DeviceReads>;

/// The frames that an array names, and where they go when the device returns it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum ArrayContents {
    /// The device does not have this array.
    #[default]
    None,
    /// This many frames enter the balloon.
    Inflating(u32),
    /// The first `frames` frames of the bitmap at or after `first` leave the balloon.
    Deflating { first: u64, frames: u32 },
    /// This frame leaves the balloon in exchange for another one.
    Migrating(u64),
    /// This many frames went back to the kernel before the device was notified.
    Released(u32),
}

/// A page queue.
#[derive(Debug)]
pub(crate) struct PageQueue<N> {
    pub(crate) slot: Slot<Queue<N>>,
    in_flight: [ArrayContents; MAX_IN_FLIGHT],
}

impl<N: Notifier> PageQueue<N> {
    /// Creates a queue that is not set up.
    pub(crate) const fn new() -> Self {
        Self { slot: Slot::new(), in_flight: [ArrayContents::None; MAX_IN_FLIGHT] }
    }

    /// Sets the queue up.
    #[inline(never)]
    pub(crate) fn set_up<T: Transport<Notifier = N>, F: FeatureSet>(
        &mut self,
        queue: impl spec::Queue<Device = balloon::Device, Buffers = DeviceReads>,
        device: &mut Device<T, balloon::Device, FeaturesOk<F>>,
        dma: &mut impl Dma,
    ) -> Result<(), QueueError> {
        self.in_flight = [ArrayContents::None; MAX_IN_FLIGHT];
        self.slot.fill(device.buffer_queue(queue, MIN_DESCRIPTORS, ENTRIES * ENTRY_BYTES, dma))?;
        Ok(())
    }

    /// Stops the use of the queue, before the device is reset.
    pub(crate) fn close(&mut self) {
        if let Ok((queue, _)) = self.slot.live() {
            queue.poison(DeviceError::Resetting);
        }
    }

    /// Returns whether the device has arrays of this queue.
    pub(crate) fn is_busy(&self) -> bool {
        self.slot.get().is_some_and(|queue| queue.in_flight() > 0)
    }

    /// Returns whether another array can be sent while at most `max` may be in flight.
    #[inline]
    pub(crate) fn has_room(&self, max: u16) -> bool {
        self.slot.get().is_some_and(|queue| queue.in_flight() < usize::from(max) && queue.free() > 0)
    }

    /// Lets `fill` write an array and makes it available to the device. Returns `None` if nothing was written.
    #[inline]
    pub(crate) fn send(&mut self, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Option<Token>, AddError> {
        self.slot.live().map_err(AddError::Poisoned)?.0.send(fill)
    }

    /// Notes the contents of an array that was sent.
    #[inline]
    pub(crate) fn note(&mut self, token: Token, what: ArrayContents) {
        if let Some(entry) = self.in_flight.get_mut(token.index()) {
            *entry = what;
        }
    }

    /// Notifies the device of the arrays that were sent.
    pub(crate) fn notify(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live(live);
        }
    }

    /// Notifies the device again of the arrays that it has.
    pub(crate) fn notify_again(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live_again(live);
        }
    }

    /// Returns the number of arrays that the device has.
    pub(crate) fn in_flight(&self) -> usize {
        self.slot.in_flight()
    }

    /// Reclaims all arrays that the device has used, and passes their contents to `each`.
    #[inline]
    pub(crate) fn pop_all(&mut self, mut each: impl FnMut(ArrayContents)) -> Result<(), DeviceError> {
        let (queue, _) = self.slot.live()?;
        while let Some(used) = queue.pop()? {
            each(self.in_flight.get_mut(used.token.index()).map(take).unwrap_or_default());
        }
        Ok(())
    }

    /// Reclaims an array that the device has used, and returns its contents.
    #[inline]
    pub(crate) fn pop(&mut self) -> Result<Option<ArrayContents>, DeviceError> {
        let Some(used) = self.slot.live()?.0.pop()? else { return Ok(None) };
        Ok(Some(self.in_flight.get_mut(used.token.index()).map(take).unwrap_or_default()))
    }
}
