//! The bytes of a buffer, in the form that `cargo xtask decode --log` reads.

use core::fmt::{self, Display, Formatter};

use super::area::Source;
use super::kept::Parts;

/// The maximum number of bytes of each direction in the log.
pub(super) const MOST: u32 = 4096;

/// A buffer in flight for the driver: the driver does not know yet that the device has used it, or that it will not. `Display` writes
/// what the device has read and what it wrote, or a note if the buffer has too many parts.
#[derive(Clone)]
pub struct Buffer<'a> {
    pub(super) parts: Parts<'a>,
    /// The number of bytes that the device says it wrote.
    pub(super) written: u32,
}

impl Buffer<'_> {
    /// Writes up to `most` bytes of the parts of one direction in hexadecimal.
    fn bytes(&self, f: &mut Formatter<'_>, is_writable: bool, most: u32) -> fmt::Result {
        let mut left = most;
        for part in self.parts.clone().filter(|part| part.is_writable == is_writable) {
            let len = part.len.min(left);
            left -= len;
            // SAFETY: by the promise of the caller of `ShadowRing::start`: the memory belongs to a buffer in flight.
            let bytes = unsafe { Source::new(part.address, len as usize) };
            for offset in 0..bytes.len() {
                write!(f, "{:02x}", bytes.read::<u8>(offset))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Buffer<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Buffer<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.parts.is_whole {
            return f.write_str("no memory to log its parts");
        }
        self.bytes(f, false, MOST)?;
        f.write_str(" -> ")?;
        // A device that wrote more than fits breaks the protocol, and the driver says so.
        self.bytes(f, true, self.written.min(MOST))
    }
}
