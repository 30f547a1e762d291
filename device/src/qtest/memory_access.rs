//! Accesses to the memory of the QEMU process, by request.

use std::fmt::Write as _;
use std::ops::Range;

use super::error::QemuError;
use super::memory::QemuMemory;
use super::process::Qemu;

/// Maximum number of bytes of a write request: QEMU parses an incomplete request again whenever more of it arrives.
const MAX_WRITE: usize = 16 << 10;
/// Maximum number of bytes of a fill request: QEMU allocates a buffer of that size.
const MAX_FILL: u64 = 16 << 20;

impl Qemu<QemuMemory> {
    /// Copies `bytes` to guest physical address `address`.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU does not answer.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), QemuError> {
        for (part, address) in bytes.chunks(MAX_WRITE).zip((address..).step_by(MAX_WRITE)) {
            let mut request = format!("write {address:#x} {:#x} 0x", part.len());
            for byte in part {
                // A write to a string cannot fail.
                let _ = write!(request, "{byte:02x}");
            }
            self.client().request(&request)?;
        }
        Ok(())
    }

    /// Writes `value` to every byte of the guest physical address range `range`, so that the host has to back it.
    ///
    /// # Errors
    ///
    /// [`QemuError`] if QEMU does not answer.
    pub fn fill(&self, range: Range<u64>, value: u8) -> Result<(), QemuError> {
        let mut start = range.start;
        while start < range.end {
            let bytes = MAX_FILL.min(range.end - start);
            self.client().request(&format!("memset {start:#x} {bytes:#x} {value:#x}"))?;
            start += bytes;
        }
        Ok(())
    }
}
