//! A queue that owns the memory of its buffers.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::dma::{DeviceAddress, Dma, DmaRegion};
use crate::lifecycle::{Device, Live, ResetProof};
use crate::queue::contents::{Reader, Writer};
use crate::queue::raw::RawQueue;
use crate::queue::table::Slot;
use crate::queue::{
    Access, AddError, DeviceError, Disabled, Element, Enabled, Interrupts, Notification, Token, Used, VirtQueue,
};
use crate::transport::{Notifier, Transport};

/// A [`VirtQueue`] whose buffers lie in memory of its own: one for each of the `K` descriptors, all of the same length. A
/// buffer is written before the device gets it, not touched until it comes back, and read only then, so that using it is
/// safe.
///
/// | | what the device does with the buffer | and when it is back |
/// |---|---|---|
/// | [`send`](Self::send) | reads what was written | [`pop`](Self::pop) |
/// | [`ask`](Self::ask) | reads what was written, if anything was, and writes an answer behind it | [`receive`](Self::receive) |
#[derive(Debug)]
pub struct BufferQueue<N, const K: usize, S = Disabled> {
    queue: VirtQueue<N, K, S>,
    memory: DmaRegion,
    each: usize,
    /// Where in each buffer the answer starts, in bytes.
    answers: [u32; K],
}

impl<N: Notifier, const K: usize> BufferQueue<N, K, Disabled> {
    pub(crate) fn new(queue: VirtQueue<N, K, Disabled>, mut memory: DmaRegion, each: usize) -> Self {
        // A device that says it has written more than it has does not make the kernel's old data an answer.
        memory.zero();
        Self { queue, memory, each, answers: [0; K] }
    }

    /// The same queue, now that its device is live.
    #[inline(never)]
    pub fn enable<T: Transport, D, F>(self, live: &Device<T, D, Live<F>>) -> BufferQueue<N, K, Enabled> {
        let Self { queue, memory, each, answers } = self;
        BufferQueue { queue: queue.enable(live), memory, each, answers }
    }
}

/// The memory that `count` buffers of `each` bytes take; `None` where no buffer can be that long.
pub(crate) fn layout(each: usize, count: usize) -> Option<Layout> {
    let layout = Layout::from_size_align(each.checked_mul(count)?, 8).ok()?;
    (each > 0 && count > 0 && u32::try_from(each).is_ok()).then_some(layout)
}

impl<N: Notifier, const K: usize> BufferQueue<N, K, Enabled> {
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
        match self.ask(0, fill) {
            Err(AddError::Empty { .. }) => Ok(None),
            sent => sent.map(Some),
        }
    }

    /// Makes a buffer available to the device for an answer of up to `answer` bytes, behind a request that `fill` may
    /// write. An answer is no longer than a buffer, and leaves the rest of it to the request.
    ///
    /// # Errors
    ///
    /// [`AddError`], without calling `fill`, when no buffer is free or the queue is unusable. [`AddError::Full`] after it
    /// where only one descriptor is free: a request with an answer takes two. [`AddError::Empty`] when there is neither.
    pub fn ask(&mut self, answer: usize, fill: impl FnOnce(&mut Writer<'_>)) -> Result<Token, AddError> {
        let answer = answer.min(self.each);
        let mut buffers = self.buffers();
        let (next, mut writer) = buffers.prepare(answer)?;
        fill(&mut writer);
        let request = writer.written();
        buffers.commit(next, request, answer)
    }

    /// Takes the next used buffer off, like [`pop`](Self::pop), and lets `read` have what the device wrote to it.
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when the device broke the protocol.
    pub fn receive<R>(&mut self, read: impl FnOnce(Used, &mut Reader<'_>) -> R) -> Result<Option<R>, DeviceError> {
        let Some(used) = self.queue.pop()? else { return Ok(None) };
        let mut answer = self.buffers().answer(used);
        Ok(Some(read(used, &mut answer)))
    }

    /// The buffers whatever their number.
    fn buffers(&mut self) -> Buffers<'_> {
        Buffers { queue: self.queue.raw(), memory: &self.memory, each: self.each, answers: &mut self.answers }
    }

    /// Takes the next used buffer off, see [`VirtQueue::pop`].
    ///
    /// # Errors
    ///
    /// [`DeviceError`] when the device broke the protocol.
    pub fn pop(&mut self) -> Result<Option<Used>, DeviceError> {
        self.queue.pop()
    }

    /// Descriptors that are free: as many buffers can be sent now.
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
        let Self { queue, memory, each, answers } = self;
        match queue.release(proof, dma) {
            Ok(()) => {
                memory.release(dma);
                Ok(())
            }
            Err(queue) => Err(Self { queue, memory, each, answers }),
        }
    }
}

/// What is done with buffers whatever their number: it is compiled once.
struct Buffers<'a> {
    queue: &'a mut RawQueue<[Slot]>,
    memory: &'a DmaRegion,
    each: usize,
    answers: &'a mut [u32],
}

impl<'a> Buffers<'a> {
    /// The buffer that is next, as far as a request may be written to it.
    fn prepare(&self, answer: usize) -> Result<(Token, Writer<'a>), AddError> {
        let next = self.queue.next_token()?;
        // SAFETY: the start of a buffer of a free descriptor, which nobody else has.
        Ok((next, unsafe { Writer::of(self.start(next), self.each - answer, self.queue.interface()) }))
    }

    /// Makes the buffer available, with room for an answer behind the request.
    fn commit(&mut self, next: Token, request: usize, answer: usize) -> Result<Token, AddError> {
        // `request` is what a writer says, and another writer may have been put into the place of the one that was lent. `layout`
        // has limited a buffer to 32 bits.
        let (request, answer) = (request.min(self.each - answer) as u32, answer as u32);
        let start = self.memory.device_address().0.wrapping_add((self.each * next.index()) as u64);
        let behind = DeviceAddress(start.wrapping_add(request.into()));
        let elements = [
            Element { address: DeviceAddress(start), len: request, access: Access::DeviceReads },
            Element { address: behind, len: answer, access: Access::DeviceWrites },
        ];
        let elements = match (request, answer) {
            (0, _) => &elements[1..],
            (_, 0) => &elements[..1],
            _ => &elements[..],
        };
        // SAFETY:
        // * The elements lie in one buffer of the region, which lives until `release` has proof of a reset.
        // * The buffer of a free descriptor is not in flight. Only a writer from `prepare` writes to buffers, to those of free
        //   descriptors, and only a reader from `answer` reads from them, when they are back.
        let token = unsafe { self.queue.add(elements) }?;
        if let Some(at) = self.answers.get_mut(token.index()) {
            *at = request;
        }
        Ok(token)
    }

    /// What the device wrote to a buffer that it has given back.
    fn answer(&self, used: Used) -> Reader<'a> {
        let answer = self.answers.get(used.token.index()).map_or(self.each, |&at| self.each.min(at as usize));
        // SAFETY: no more than the length of the buffer behind its start.
        let start = unsafe { self.start(used.token).add(answer) };
        let left = (self.each - answer).min(used.written as usize);
        // SAFETY: inside a buffer that the device has given back and that is not written to before this is over.
        unsafe { Reader::of(start, left) }
    }

    /// Where the buffer starts.
    fn start(&self, token: Token) -> NonNull<u8> {
        // SAFETY: a token is below the number of buffers, so that the buffer lies inside the region.
        unsafe { self.memory.as_ptr().add(self.each * token.index()) }
    }
}
