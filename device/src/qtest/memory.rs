//! The kinds of memory of a machine.

use crate::memory::GuestMemory;

/// The memory of a machine: [`GuestMemory`] or [`QemuMemory`].
pub trait Memory: Clone + sealed::Sealed {
    #[doc(hidden)]
    fn bytes(&self) -> u64;

    /// Returns the QEMU memory backend object.
    #[doc(hidden)]
    fn backend(&self) -> String;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for GuestMemory {}
impl sealed::Sealed for QemuMemory {}

/// Shared with the test, which maps it. Base and bus offset of its layout must be 0.
impl Memory for GuestMemory {
    fn bytes(&self) -> u64 {
        self.bytes()
    }

    fn backend(&self) -> String {
        format!("memory-backend-file,share=on,mem-path={}", self.path().display())
    }
}

/// Anonymous memory of the QEMU process, as in most deployments, so that discarding a page has a realistic cost. The test
/// accesses it by requests to QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QemuMemory {
    /// Length in bytes.
    pub bytes: u64,
}

impl Memory for QemuMemory {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn backend(&self) -> String {
        "memory-backend-ram".into()
    }
}
