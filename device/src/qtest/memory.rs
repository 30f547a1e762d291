//! The memory of the machine.

use std::fmt::Write as _;
use std::ops::Range;

use super::error::QemuError;
use super::process::Qemu;
use crate::memory::GuestMemory;

/// Bytes of a request to write: QEMU looks through all of an unfinished request whenever more of it comes.
const PIECE: usize = 16 << 10;
/// Bytes of a request to fill: QEMU makes a buffer of that size.
const FILL: u64 = 16 << 20;

/// What a machine has for memory: [`GuestMemory`] or [`OwnMemory`].
pub trait Memory: Clone + sealed::Sealed {
    #[doc(hidden)]
    fn bytes(&self) -> u64;

    /// QEMU's object behind the memory.
    #[doc(hidden)]
    fn backend(&self) -> String;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::GuestMemory {}
    impl Sealed for super::OwnMemory {}
}

/// Shared with the test, whose driver works in place. Base and bus offset of its layout have to be 0.
impl Memory for GuestMemory {
    fn bytes(&self) -> u64 {
        self.bytes()
    }

    fn backend(&self) -> String {
        format!("memory-backend-file,share=on,mem-path={}", self.path().display())
    }
}

/// Anonymous memory of QEMU's own, as most machines have it: to release a page of it costs what it costs in the field.
/// The test reaches it by request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnMemory {
    /// Length in bytes.
    pub bytes: u64,
}

impl Memory for OwnMemory {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn backend(&self) -> String {
        "memory-backend-ram".into()
    }
}

impl Qemu<OwnMemory> {
    /// Copies `bytes` to guest physical address `address`.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU does not answer.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), QemuError> {
        for (piece, address) in bytes.chunks(PIECE).zip((address..).step_by(PIECE)) {
            let mut question = format!("write {address:#x} {:#x} 0x", piece.len());
            for byte in piece {
                // Writing to a string cannot fail.
                let _ = write!(question, "{byte:02x}");
            }
            self.client().ask(&question)?;
        }
        Ok(())
    }

    /// Writes `value` to every byte of the guest physical addresses `range`, so that the host has to provide the memory.
    ///
    /// # Errors
    ///
    /// [`QemuError`] when QEMU does not answer.
    pub fn fill(&self, range: Range<u64>, value: u8) -> Result<(), QemuError> {
        let mut start = range.start;
        while start < range.end {
            let bytes = FILL.min(range.end - start);
            self.client().ask(&format!("memset {start:#x} {bytes:#x} {value:#x}"))?;
            start += bytes;
        }
        Ok(())
    }
}
