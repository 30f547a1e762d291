//! Tokens of buffers in flight.

/// A buffer in flight, from when it is added until the device has used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub(super) u16);

impl Token {
    /// Returns a number below the queue's descriptor limit `K`, unique among the buffers in flight. Callers use it as an index
    /// into a table of their own.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A buffer that the device has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The buffer.
    pub token: Token,
    /// Bytes that the device reports as written to the start of the device-writable part, at most the length of that part.
    /// 0 for a buffer without one: some devices report the bytes they have read.
    pub written: u32,
}
