//! A queue that owns the memory of its buffers.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::dma::{DeviceAddress, Dma, DmaRegion};
use crate::lifecycle::{Device, Live, ResetProof};
use crate::queue::{
    Access, AddError, Awake, DeviceError, Dormant, Element, Interrupts, Notification, Token, Used, VirtQueue,
};
use crate::transport::{Notifier, Transport};

/// A [`VirtQueue`] whose buffers are device-readable and lie in memory of its own: one for each of the `K` descriptors,
/// all of the same length. A buffer is written before it is sent and not touched until it comes back, so that sending
/// is safe.
#[derive(Debug)]
pub struct BufferQueue<N, const K: usize, S = Dormant> {
    queue: VirtQueue<N, K, S>,
    memory: DmaRegion,
    each: usize,
}

impl<N: Notifier, const K: usize> BufferQueue<N, K, Dormant> {
    pub(crate) fn new(queue: VirtQueue<N, K, Dormant>, memory: DmaRegion, each: usize) -> Self {
        Self { queue, memory, each }
    }

    /// The same queue, now that its device is live.
    pub fn wake<T: Transport, D, F>(self, live: &Device<T, D, Live<F>>) -> BufferQueue<N, K, Awake> {
        let Self { queue, memory, each } = self;
        BufferQueue { queue: queue.wake(live), memory, each }
    }
}

/// The memory that `count` buffers of `each` bytes take; `None` where no buffer can be that long.
pub(crate) fn layout(each: usize, count: usize) -> Option<Layout> {
    let layout = Layout::from_size_align(each.checked_mul(count)?, 8).ok()?;
    (each > 0 && count > 0 && u32::try_from(each).is_ok()).then_some(layout)
}

impl<N: Notifier, const K: usize> BufferQueue<N, K, Awake> {
    /// Tells the device of the buffers sent so far, see [`VirtQueue::notify`].
    pub fn notify(&mut self) -> Notification {
        self.queue.notify()
    }
}

impl<N: Notifier, const K: usize, S> BufferQueue<N, K, S> {
    /// Lets `fill` write a buffer and makes what was written available to the device. `None` when nothing was written.
    ///
    /// # Errors
    ///
    /// [`AddError`], without calling `fill`, when no buffer is free or the queue is unusable.
    pub fn send(&mut self, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Option<Token>, AddError> {
        let next = self.queue.next_token()?;
        let offset = self.each * next.index();
        let address = DeviceAddress(self.memory.device_address().0.wrapping_add(offset as u64));
        // SAFETY: `next` is below `K`, so that the buffer lies inside the region.
        let start = unsafe { self.memory.as_ptr().add(offset) };
        let mut writer = Writer { start, len: self.each, written: 0, memory: core::marker::PhantomData };
        fill(&mut writer);
        // `layout` has limited a buffer to 32 bits.
        let len = writer.written as u32;
        if len == 0 {
            return Ok(None);
        }
        let element = Element { address, len, access: Access::DeviceReads };
        // SAFETY:
        // * The element lies in the region, which lives until `release` has proof of a reset.
        // * A free descriptor's buffer is not in flight, and `send` is all that writes to buffers.
        unsafe { self.queue.add(&[element]) }.map(Some)
    }

    /// Takes the next used buffer off, see [`VirtQueue::pop`].
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when the device broke the protocol.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        self.queue.pop()
    }

    /// Buffers that can be sent now.
    pub fn free(&self) -> usize {
        self.queue.free()
    }

    /// Buffers that the device holds.
    pub fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Number of the queue on its device.
    pub const fn index(&self) -> u16 {
        self.queue.index()
    }

    /// Tells the device whether to interrupt, see [`VirtQueue::set_interrupts`].
    pub fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.queue.set_interrupts(interrupts);
    }

    /// Whether the queue is of this device, in this life.
    pub fn is_of<T: Transport, D, F>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.queue.is_of(device)
    }

    /// Makes the queue unusable, see [`VirtQueue::poison`].
    pub fn poison(&mut self, error: DeviceError) -> DeviceError {
        self.queue.poison(error)
    }

    /// Gives the memory of ring and buffers back after the device was reset.
    ///
    /// # Errors
    ///
    /// The queue itself where the proof is of another device, or of an earlier life of this one.
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        let Self { queue, memory, each } = self;
        match queue.release(proof) {
            Ok(ring) => {
                dma.free(ring);
                dma.free(memory);
                Ok(())
            }
            Err(queue) => Err(Self { queue, memory, each }),
        }
    }
}

/// Writes a buffer from its start. What does not fit is left out, and the caller is told how much that was.
#[derive(Debug)]
pub struct Writer<'a> {
    start: NonNull<u8>,
    len: usize,
    written: usize,
    memory: core::marker::PhantomData<&'a mut u8>,
}

impl Writer<'_> {
    /// Bytes that still fit.
    pub const fn room(&self) -> usize {
        self.len - self.written
    }

    /// Appends the numbers `first`, `first + 1`, … as little-endian 32-bit entries: `count` of them or as many as fit.
    /// Returns how many were written. Numbers wrap at 2^32.
    pub fn sequence(&mut self, first: u32, count: u32) -> u32 {
        let fits = u32::try_from(self.room() / size_of::<u32>()).unwrap_or(u32::MAX).min(count);
        // SAFETY: `written` is at most `len`, the length of the buffer.
        let mut at = unsafe { self.start.add(self.written) }.cast::<[u8; 4]>();
        for entry in 0..fits {
            // SAFETY: `fits` entries fit between `written` and the end of the buffer, which nobody else writes to; an
            // array of bytes needs no alignment.
            unsafe { at.write(first.wrapping_add(entry).to_le_bytes()) };
            // SAFETY: still inside the buffer, or just behind its end.
            at = unsafe { at.add(1) };
        }
        self.written += fits as usize * size_of::<u32>();
        fits
    }

    /// Appends bytes, as many as fit, and returns how many that were.
    pub fn bytes(&mut self, bytes: &[u8]) -> usize {
        let fits = bytes.len().min(self.room());
        // SAFETY: `written` is at most `len`, the length of the buffer.
        let at = unsafe { self.start.add(self.written) };
        // SAFETY: `fits` bytes can be read from the slice and written to the buffer, which nobody else writes to; the
        // buffer is memory shared with a device, so that no slice can overlap it.
        unsafe { at.copy_from_nonoverlapping(NonNull::from(bytes).cast(), fits) };
        self.written += fits;
        fits
    }
}
