//! Requests of a description over a queue that owns its buffers.

use core::marker::PhantomData;

use aerostat_spec::direction::{DeviceCanRead, DeviceCanWrite};
use aerostat_spec::{AnswerError, Queue, RequestError, RequestOn};
use thiserror::Error;

use crate::bus::Notifier;
use crate::queue::buffer_queue::BufferQueue;
use crate::queue::error::{AddError, DeviceError};
use crate::queue::token::Token;
use crate::queue::virt_queue::Disabled;

/// The buffers of a queue for the described requests of the queue `Q`, see [`RequestQueue`].
#[derive(Debug)]
pub struct Requests<Q>(PhantomData<Q>);

impl<Q: Queue<Buffers: DeviceCanRead>> DeviceCanRead for Requests<Q> {}

impl<Q: Queue<Buffers: DeviceCanWrite>> DeviceCanWrite for Requests<Q> {}

/// A [`BufferQueue`] that sends the requests which the description names for the queue `Q`.
/// [`Device::request_queue`](crate::Device::request_queue) returns it.
pub type RequestQueue<Q, N, const K: usize, S = Disabled> = BufferQueue<N, K, S, Requests<Q>>;

/// A request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The request is invalid.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The buffers of the queue are too short.
    #[error("the request and its answer need {needed} bytes, but the buffers of the queue have {len}")]
    BufferTooShort {
        /// The length of the request and its answer, in bytes.
        needed: usize,
        /// The length of a buffer, in bytes.
        len: usize,
    },
    /// The queue does not take the buffer.
    #[error(transparent)]
    Add(#[from] AddError),
}

/// An answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The device broke the protocol of the queue.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The answer does not have the layout of the description. The queue stays usable.
    ///
    /// Some devices write only a header, with the number of an error, if a request failed. It is at the start of the memory for the
    /// answer.
    #[error("the answer to request {} cannot be read: {error}", .token.0)]
    Answer {
        /// The token of the request.
        token: Token,
        /// The number of bytes of the answer at the start of the memory.
        written: usize,
        /// Why it cannot be read.
        error: AnswerError,
    },
    /// The memory for the answer is too short, and the rest of the answer is lost. The queue stays usable.
    #[error("the answer to request {} has {needed} bytes, but the memory for it has {len}", .token.0)]
    MemoryTooShort {
        /// The token of the request.
        token: Token,
        /// The length of the answer, in bytes.
        needed: usize,
        /// The length of the memory, in bytes.
        len: usize,
    },
}

/// An answer that was copied to memory of the driver. [`BufferQueue::wait_for_answer`] returns it.
///
/// [`decode`](Self::decode) reads the answer of a [`RequestQueue`] as the description defines it.
#[derive(Debug)]
pub struct Received<'m, B> {
    token: Token,
    bytes: &'m [u8],
    /// The length of the answer, which is greater than that of `bytes` if the memory was too short.
    needed: usize,
    buffers: PhantomData<fn() -> B>,
}

impl<'m, B> Received<'m, B> {
    /// Returns an answer whose bytes are at the start of `memory`.
    pub(crate) fn new(Copied { token, written, needed }: Copied, memory: &'m [u8]) -> Self {
        Self { token, bytes: memory.get(..written).unwrap_or_default(), needed, buffers: PhantomData }
    }

    /// Returns the token of the request.
    pub const fn token(&self) -> Token {
        self.token
    }

    /// Returns the bytes of the answer. If the memory was too short, they are only its start.
    pub const fn bytes(&self) -> &'m [u8] {
        self.bytes
    }
}

impl<'m, Q: Queue> Received<'m, Requests<Q>> {
    /// Decodes the answer to a request of this [`shape`](aerostat_spec::Request::shape).
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Answer`], [`ReceiveError::MemoryTooShort`]
    pub fn decode<R: RequestOn<Q>>(&self, shape: &R::Shape) -> Result<R::Answer<'m>, ReceiveError> {
        let Self { token, bytes, needed, .. } = *self;
        if bytes.len() < needed {
            return Err(ReceiveError::MemoryTooShort { token, needed, len: bytes.len() });
        }
        R::decode(shape, bytes).map_err(|error| ReceiveError::Answer { token, written: bytes.len(), error })
    }
}

/// What was copied of an answer.
#[derive(Clone, Copy)]
pub(crate) struct Copied {
    token: Token,
    /// The number of bytes that were copied.
    written: usize,
    /// The length of the answer in bytes.
    needed: usize,
}

impl<N: Notifier, const K: usize, S, B> BufferQueue<N, K, S, B> {
    /// Takes the next answer off the queue, and copies it to the start of `memory`.
    pub(crate) fn copy_answer(&mut self, memory: &mut [u8]) -> Result<Option<Copied>, DeviceError> {
        self.receive(|used, answer| {
            let needed = answer.remaining();
            Copied { token: used.token, written: answer.bytes(memory), needed }
        })
    }
}

impl<N: Notifier, const K: usize, S, Q: Queue> RequestQueue<Q, N, K, S> {
    /// Sends a request. Keep its [`shape`](aerostat_spec::Request::shape) to read the answer.
    ///
    /// # Errors
    ///
    /// [`SendError`], and nothing is sent.
    pub fn send_request<R: RequestOn<Q>>(&mut self, request: &R) -> Result<Token, SendError> {
        let answer = R::answer_len(&request.shape());
        let needed = request.request_len()?.saturating_add(answer);
        let len = self.buffer_len();
        if needed > len {
            return Err(SendError::BufferTooShort { needed, len });
        }
        let token = self.exchange(answer, |writer| {
            // The lengths were checked before, so each part fits.
            let _ = request.encode(&mut |part| {
                writer.bytes(part);
            });
        })?;
        Ok(token)
    }

    /// Takes the next answer off the queue. `shape` returns the shape of the request with this token. The answer is copied to
    /// the start of `memory`, because the device may still write to the buffer. Never waits;
    /// [`wait_for_answer`](Self::wait_for_answer) does.
    ///
    /// If requests of different kinds are in flight, `R` is known only after the token: use [`BufferQueue::receive`] and
    /// [`Request::decode`](aerostat_spec::Request::decode).
    ///
    /// # Errors
    ///
    /// [`ReceiveError`]
    pub fn receive_answer<'m, R: RequestOn<Q>>(
        &mut self,
        shape: impl FnOnce(Token) -> R::Shape,
        memory: &'m mut [u8],
    ) -> Result<Option<(Token, R::Answer<'m>)>, ReceiveError> {
        let Some(copied) = self.copy_answer(memory)? else { return Ok(None) };
        let received = Received::<Requests<Q>>::new(copied, memory);
        let answer = received.decode::<R>(&shape(received.token))?;
        Ok(Some((received.token, answer)))
    }
}
