//! A virtqueue that owns the memory of its buffers.

use core::alloc::Layout;
use core::fmt::{self, Debug, Formatter};
use core::marker::PhantomData;
use core::ptr::NonNull;

use aerostat_spec::direction::{Both, DeviceCanRead, DeviceCanWrite};

use crate::bus::Notifier;
use crate::dma::{DeviceAddress, Dma, DmaRegion};
use crate::queue::buffer::{Reader, Writer};
use crate::queue::error::{AddError, DeviceError};
use crate::queue::generation::{Generation, LiveProof, ResetProof};
use crate::queue::raw::RawQueue;
use crate::queue::shadow::Slot;
use crate::queue::token::{Token, Used};
use crate::queue::virt_queue::{Disabled, Enabled, Notification, Resettable, VirtQueue, sealed};
use crate::ring::{Access, Element, Interrupts};

/// A [`VirtQueue`] that owns the memory of its buffers: one buffer for each of the `K` descriptors, all of the same length.
/// The driver writes a buffer before the device gets it, and reads it after the device has used it. Therefore using the queue
/// is safe.
///
/// | | the device | after use |
/// |---|---|---|
/// | [`send`](Self::send) | reads the data | [`pop`](Self::pop) |
/// | [`request`](Self::request) | reads the request, if there is one, and writes a response | [`receive`](Self::receive) |
/// | [`add_writable`](Self::add_writable) | writes the buffer | [`receive`](Self::receive) |
///
/// `B` is which of these the description allows: a type of [`direction`](aerostat_spec::direction), or
/// [`Requests`](crate::queue::Requests) for a [`RequestQueue`](crate::RequestQueue), which sends described requests.
pub struct BufferQueue<N, const K: usize, S = Disabled, B = Both> {
    queue: VirtQueue<N, K, S>,
    memory: DmaRegion,
    /// Length of each buffer in bytes.
    each: usize,
    /// Offset of the response in each buffer, in bytes.
    responses: [u32; K],
    buffers: PhantomData<fn() -> B>,
}

impl<N: Notifier, const K: usize, B> BufferQueue<N, K, Disabled, B> {
    pub(crate) fn new(queue: VirtQueue<N, K, Disabled>, mut memory: DmaRegion, each: usize) -> Self {
        // The device must not see old kernel data.
        memory.zero();
        Self { queue, memory, each, responses: [0; K], buffers: PhantomData }
    }

    /// Enables the queue of a device of this generation. A queue of another generation becomes unusable.
    #[inline(never)]
    pub(crate) fn enable_for(self, generation: Generation) -> BufferQueue<N, K, Enabled, B> {
        let Self { queue, memory, each, responses, buffers } = self;
        BufferQueue { queue: queue.enable_for(generation), memory, each, responses, buffers }
    }

    /// Notifies the live device of the buffers sent since the last call, see [`VirtQueue::notify_live`].
    pub fn notify_live(&mut self, proof: LiveProof) -> Notification {
        self.queue.notify_live(proof)
    }

    /// Notifies the live device again, see [`VirtQueue::notify_live_again`].
    pub fn notify_live_again(&mut self, proof: LiveProof) -> Notification {
        self.queue.notify_live_again(proof)
    }
}

/// Returns the layout of `count` buffers of `each` bytes; `None` if a buffer is empty or longer than 32 bits allow.
pub(crate) fn buffers_layout(each: usize, count: usize) -> Option<Layout> {
    let layout = Layout::from_size_align(each.checked_mul(count)?, 8).ok()?;
    (each > 0 && count > 0 && u32::try_from(each).is_ok()).then_some(layout)
}

impl<N: Notifier, const K: usize, B> BufferQueue<N, K, Enabled, B> {
    /// Notifies the device of the buffers sent since the last call, see [`VirtQueue::notify`].
    pub fn notify(&mut self) -> Notification {
        self.queue.notify()
    }

    /// Notifies the device again, see [`VirtQueue::notify_again`].
    pub fn notify_again(&mut self) -> Notification {
        self.queue.notify_again()
    }
}

impl<N: Notifier, const K: usize, S, B> BufferQueue<N, K, S, B> {
    /// Sends a buffer that `fill` writes. Returns `None` if `fill` wrote nothing, and sends nothing then.
    ///
    /// # Errors
    ///
    /// [`AddError`] without a call of `fill` if no buffer is free, or if the queue is unusable.
    pub fn send(&mut self, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Option<Token>, AddError>
    where
        B: DeviceCanRead,
    {
        match self.exchange(0, fill) {
            Err(AddError::Empty { .. }) => Ok(None),
            sent => sent.map(Some),
        }
    }

    /// Sends a request that `fill` writes, with space for a response of `response` bytes behind it. The response is cut to the
    /// length of a buffer; the request gets what the response leaves. A request may be empty.
    ///
    /// The space of the response is filled with zeros first. A response therefore contains only bytes that the device wrote
    /// since this call, or zeros, even if the device reports more bytes than it has written.
    ///
    /// # Errors
    ///
    /// * [`AddError`] without a call of `fill` if no buffer is free, or if the queue is unusable.
    /// * [`AddError::Full`] after a call of `fill` if only one descriptor is free: a request with a response takes two.
    /// * [`AddError::Empty`] if both request and response are empty.
    pub fn request(&mut self, response: usize, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Token, AddError>
    where
        B: DeviceCanRead + DeviceCanWrite,
    {
        self.exchange(response, fill)
    }

    /// Gives the device a buffer of `len` bytes to write, at most the length of a buffer. It is filled with zeros first, see
    /// [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// * [`AddError::Empty`] if `len` is 0.
    /// * Another [`AddError`] if no buffer is free, or if the queue is unusable.
    pub fn add_writable(&mut self, len: usize) -> Result<Token, AddError>
    where
        B: DeviceCanWrite,
    {
        self.exchange(len, |_no_request| {})
    }

    /// Implements [`request`](Self::request).
    pub(super) fn exchange(&mut self, response: usize, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Token, AddError> {
        let response = response.min(self.each);
        let mut buffers = self.buffers();
        let (next, mut writer) = buffers.prepare(response)?;
        fill(&mut writer);
        let request = writer.written();
        buffers.commit(next, request, response)
    }

    /// Takes the next used buffer off the queue like [`pop`](Self::pop), and calls `read` with the response.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the device broke the protocol.
    pub fn receive<R>(&mut self, read: impl FnOnce(Used, &mut Reader<'_>) -> R) -> Result<Option<R>, DeviceError> {
        let Some(used) = self.queue.pop()? else { return Ok(None) };
        let mut response = self.buffers().response(used);
        Ok(Some(read(used, &mut response)))
    }

    /// Returns the part of the queue that does not depend on `K`.
    fn buffers(&mut self) -> Buffers<'_> {
        Buffers { queue: self.queue.raw(), memory: &self.memory, each: self.each, responses: &mut self.responses }
    }

    /// Takes the next used buffer off the queue, see [`VirtQueue::pop`].
    ///
    /// # Errors
    ///
    /// [`DeviceError`] if the device broke the protocol.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        self.queue.pop()
    }

    /// Returns the number of free descriptors, which is the number of buffers that can be sent now.
    pub fn free(&self) -> usize {
        self.queue.free()
    }

    /// Returns the number of buffers in flight.
    pub fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Returns the generation of the device that the queue was set up for.
    pub(crate) fn generation(&self) -> Generation {
        self.queue.generation()
    }

    /// Returns the length of each buffer in bytes.
    pub const fn buffer_len(&self) -> usize {
        self.each
    }

    /// Returns the number of the queue on its device.
    pub const fn index(&self) -> u16 {
        self.queue.index()
    }

    /// Asks the device to interrupt, or not to interrupt, see [`VirtQueue::set_interrupts`].
    pub fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.queue.set_interrupts(interrupts);
    }

    /// Makes the queue unusable, see [`VirtQueue::poison`].
    pub fn poison(&mut self, error: DeviceError) -> DeviceError {
        self.queue.poison(error)
    }

    /// Frees the memory of the ring and of the buffers after a reset of the device.
    ///
    /// # Errors
    ///
    /// The queue, unchanged, if the proof is for another device or for another reset of this one, or if `dma` belongs to another
    /// domain than the memory.
    pub fn release(self, proof: &ResetProof, dma: &mut impl Dma) -> Result<(), Self> {
        if !self.memory.is_in_domain_of(dma) {
            return Err(self);
        }
        let Self { queue, memory, each, responses, buffers } = self;
        match queue.release(proof, dma) {
            Ok(()) => {
                // It is in the domain.
                let _ = memory.release(dma);
                Ok(())
            }
            Err(queue) => Err(Self { queue, memory, each, responses, buffers }),
        }
    }
}

/// Does not show the notifier, like that of [`VirtQueue`].
impl<N, const K: usize, S, B> Debug for BufferQueue<N, K, S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { queue, memory, each, responses, buffers: _ } = self;
        let mut shown = f.debug_struct("BufferQueue");
        shown.field("queue", queue).field("memory", memory).field("each", each).field("responses", responses).finish()
    }
}

/// The part of a [`BufferQueue`] that does not depend on `K`, so it is compiled once.
struct Buffers<'a> {
    queue: &'a mut RawQueue<[Slot]>,
    memory: &'a DmaRegion,
    each: usize,
    responses: &'a mut [u32],
}

impl<N: Notifier, const K: usize, S, B> Resettable<N> for BufferQueue<N, K, S, B> {}

impl<N: Notifier, const K: usize, S, B> sealed::Resettable<N> for BufferQueue<N, K, S, B> {
    fn parts(&mut self) -> sealed::Parts<'_, N> {
        sealed::Resettable::parts(&mut self.queue)
    }
}

impl<'a> Buffers<'a> {
    /// Returns the next token and a writer for the request part of its buffer.
    fn prepare(&self, response: usize) -> Result<(Token, Writer<'a>), AddError> {
        let next = self.queue.next_token()?;
        // SAFETY: the start of a buffer of a free descriptor, which nothing else accesses.
        Ok((next, unsafe { Writer::of(self.start(next), self.each - response, self.queue.interface()) }))
    }

    /// Makes the buffer available to the device.
    fn commit(&mut self, next: Token, request: usize, response: usize) -> Result<Token, AddError> {
        // `request` comes from the writer, which `fill` may have replaced by another one. `buffers_layout` has limited a buffer
        // to 32 bits.
        let (request, response) = (request.min(self.each - response) as u32, response as u32);
        let start = self.memory.device_address().0.wrapping_add((self.each * next.index()) as u64);
        let behind = DeviceAddress(start.wrapping_add(request.into()));
        let elements = [
            Element { address: DeviceAddress(start), len: request, access: Access::DeviceReads },
            Element { address: behind, len: response, access: Access::DeviceWrites },
        ];
        let elements = match (request, response) {
            (0, _) => &elements[1..],
            (_, 0) => &elements[..1],
            _ => &elements[..],
        };
        self.clear(next, request, response);
        // SAFETY:
        // * The elements lie in one buffer of the region, which stays allocated until `release` has proof of a reset.
        // * The buffer of a free descriptor is not in flight. Only a writer from `prepare` writes to buffers, to those of free
        //   descriptors; only a reader from `response` reads from them, after the device has used them.
        let token = unsafe { self.queue.add(elements) }?;
        if let Some(offset) = self.responses.get_mut(token.index()) {
            *offset = request;
        }
        Ok(token)
    }

    /// Fills the space of a response in the buffer of a free descriptor with zeros.
    fn clear(&self, next: Token, request: u32, response: u32) {
        if response == 0 {
            // Arrays have no response, and a call of `memset` costs more than this branch.
            return;
        }
        // SAFETY: request and response together are at most the length of the buffer.
        let start = unsafe { self.start(next).add(request as usize) };
        // SAFETY: the bytes lie in the buffer of a free descriptor, which nothing else accesses.
        unsafe { start.write_bytes(0, response as usize) };
    }

    /// Returns a reader of the response in a used buffer.
    fn response(&self, used: Used) -> Reader<'a> {
        let offset = self.responses.get(used.token.index()).map_or(self.each, |&offset| self.each.min(offset as usize));
        // SAFETY: the offset is at most the length of the buffer.
        let start = unsafe { self.start(used.token).add(offset) };
        let len = (self.each - offset).min(used.written as usize);
        // SAFETY: the bytes lie in a buffer that the device has used; the driver does not write to it while the queue is
        // borrowed.
        unsafe { Reader::of(start, len) }
    }

    /// Returns the start of the buffer.
    fn start(&self, token: Token) -> NonNull<u8> {
        // SAFETY: a token is below the number of buffers, so the buffer lies inside the region.
        unsafe { self.memory.as_ptr().add(self.each * token.index()) }
    }
}
