//! Requests that a driver puts into a queue, and the answers of the device.

use core::fmt::Debug;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use crate::device::Queue;

/// A request of a description: the part that the device reads. It also knows the layout of the part that the device writes.
///
/// ```
/// aerostat_spec::virtio_device! {
///     device lamp = 63 {
///         request dim { readable { level: le16 } writable { old: le16, status: u8 } }
///     }
/// }
///
/// use aerostat_spec::Request;
///
/// let request = lamp::Dim { level: 7 };
/// let mut bytes = Vec::new();
/// request.encode(&mut |part| bytes.extend_from_slice(part))?;
/// assert_eq!(bytes, [7, 0]);
///
/// // The device writes an answer of 3 bytes.
/// let shape = request.shape();
/// assert_eq!(lamp::Dim::answer_len(&shape), 3);
/// let answer = lamp::Dim::decode(&shape, &[9, 0, 1])?;
/// assert_eq!((answer.old, answer.status), (9, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Request {
    /// The layout of the answer: what the driver keeps while the request is in flight. `()` if the layout is fixed.
    type Shape: Copy + Debug;
    /// The answer. `()` if the device writes nothing.
    type Answer<'a>;

    /// Returns the layout of the answer.
    fn shape(&self) -> Self::Shape;

    /// Calls `put` with each part of the request, in order.
    ///
    /// # Errors
    ///
    /// [`RequestError`] before the first call of `put`.
    fn encode(&self, put: &mut dyn FnMut(&[u8])) -> Result<(), RequestError>;

    /// Returns the length of the part that the device reads, in bytes.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode).
    fn request_len(&self) -> Result<usize, RequestError> {
        let mut len = 0_usize;
        self.encode(&mut |part| len = len.saturating_add(part.len()))?;
        Ok(len)
    }

    /// Returns the maximum length of the answer in bytes. 0, if the device writes nothing.
    fn answer_len(shape: &Self::Shape) -> usize;

    /// Reads the answer from the bytes that the device wrote. An array of any length at the end can be shorter than the driver asked for.
    ///
    /// # Errors
    ///
    /// [`AnswerError`] if the device wrote less than the fixed part, or a length that does not fit.
    fn decode<'a>(shape: &Self::Shape, bytes: &'a [u8]) -> Result<Self::Answer<'a>, AnswerError>;
}

/// A request that a driver can put into the queue `Q`. The description names the queues after `on`. Without `on`, these are all queues
/// of the device whose buffers can have the parts of the request.
#[diagnostic::on_unimplemented(
    message = "the request `{Self}` does not go into the queue `{Q}`",
    label = "this request is for another queue",
    note = "send it over a queue that the description names for it: `request … on queue`",
    note = "if it goes into several queues, the description names all of them: `on a or b`"
)]
pub trait RequestOn<Q: Queue>: Request {}

/// Why a request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// An array is longer than its length field, or than the device allows.
    #[error("the field {field} has {len} elements, but at most {max} are possible")]
    TooLong {
        /// The name of the array.
        field: &'static str,
        /// The number of elements.
        len: usize,
        /// The maximum number of elements.
        max: usize,
    },
    /// Two arrays have different lengths, but the same length field.
    #[error("the field {field} has {len} elements, but another array with the same length has {other}")]
    LengthsDiffer {
        /// The name of the array.
        field: &'static str,
        /// The number of elements.
        len: usize,
        /// The number of elements of the other array.
        other: usize,
    },
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The device wrote less than the specification requires.
    #[error("the answer ends before the end of the field {field} ({written} bytes written, {needed} needed)")]
    Short {
        /// The name of the first field that is not complete.
        field: &'static str,
        /// The length of the answer up to the end of this field, in bytes.
        needed: usize,
        /// The number of bytes that the device wrote.
        written: usize,
    },
    /// The device wrote a length that is larger than the driver asked for.
    #[error("the device says that the field {field} has {len} elements, but at most {max} were requested")]
    TooLong {
        /// The name of the array.
        field: &'static str,
        /// The number of elements in the device's length field.
        len: usize,
        /// The number of elements that the driver asked for.
        max: usize,
    },
}

/// A reader of the fields of an answer.
#[derive(Debug)]
pub struct AnswerReader<'a> {
    written: usize,
    rest: &'a [u8],
}

impl<'a> AnswerReader<'a> {
    /// Returns a reader of the bytes that the device wrote.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { written: bytes.len(), rest: bytes }
    }

    /// Reads a field of fixed size.
    pub fn value<T: FromBytes>(&mut self, field: &'static str) -> Result<T, AnswerError> {
        match T::read_from_prefix(self.rest) {
            Ok((value, rest)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => Err(self.short(field, size_of::<T>())),
        }
    }

    /// Reads an array of `count` elements.
    pub fn slice<T: FromBytes + Immutable + KnownLayout + Unaligned>(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [T], AnswerError> {
        let len = count.saturating_mul(size_of::<T>());
        let Some((array, rest)) = self.rest.split_at_checked(len) else { return Err(self.short(field, len)) };
        self.rest = rest;
        <[T]>::ref_from_bytes(array).map_err(|_| self.short(field, len))
    }

    /// Reads the last field: an array of up to `count` elements, as many as the device wrote.
    pub fn rest<T: FromBytes + Immutable + KnownLayout + Unaligned>(
        &mut self,
        field: &'static str,
        count: usize,
    ) -> Result<&'a [T], AnswerError> {
        let written = self.rest.len().checked_div(size_of::<T>()).unwrap_or(0);
        self.slice(field, count.min(written))
    }

    fn short(&self, field: &'static str, len: usize) -> AnswerError {
        let needed = self.written.saturating_sub(self.rest.len()).saturating_add(len);
        AnswerError::Short { field, needed, written: self.written }
    }
}

/// Converts a length to `usize`. A length that does not fit cannot be a length in memory, so the maximum replaces it.
pub fn to_usize<T: TryInto<usize>>(len: T) -> usize {
    len.try_into().unwrap_or(usize::MAX)
}

/// Checks that an array of a request is not too long.
pub fn check_len(field: &'static str, len: usize, max: usize) -> Result<(), RequestError> {
    if len > max { Err(RequestError::TooLong { field, len, max }) } else { Ok(()) }
}

/// Checks that an array of a request is as long as another one.
pub fn check_equal(field: &'static str, len: usize, other: usize) -> Result<(), RequestError> {
    if len != other { Err(RequestError::LengthsDiffer { field, len, other }) } else { Ok(()) }
}

/// Checks a length that the device wrote.
pub fn limited(field: &'static str, len: usize, max: usize) -> Result<usize, AnswerError> {
    if len > max { Err(AnswerError::TooLong { field, len, max }) } else { Ok(len) }
}

/// Calls `put` with `count` zeros.
pub fn put_zeros(put: &mut dyn FnMut(&[u8]), mut count: usize) {
    const ZEROS: [u8; 64] = [0; 64];
    while let Some(zeros) = ZEROS.get(..count.min(ZEROS.len())).filter(|zeros| !zeros.is_empty()) {
        put(zeros);
        count = count.saturating_sub(zeros.len());
    }
}
