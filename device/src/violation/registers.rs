//! Rules of the register file.

use std::fmt;

/// An invalid access to the register file (4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterViolation {
    /// 4.2.2.2: the offset has no register.
    #[error("{access} of offset {offset:#x}, which has no register")]
    Undefined {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
    },
    /// The register belongs to a feature that is not negotiated, or to a facility that this device lacks.
    #[error("{access} of the register at {offset:#x}, which this device does not implement")]
    NotImplemented {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.2.2: a write-only register is not read and a read-only register is not written.
    #[error("{access} of the register at {offset:#x}, which does not allow this direction")]
    WrongDirection {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.2.2: control registers and 32-bit configuration fields take aligned 32-bit accesses only.
    #[error("{access} of {bits} bits at {offset:#x}: only aligned 32-bit accesses are allowed")]
    WrongWidth {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
        /// Width of the access in bits.
        bits: u32,
    },
    /// 4.2.2.2: the selector of a banked register is written before the register is used.
    #[error("{access} of the register at {offset:#x} before its selector was written")]
    SelectorNotWritten {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.3.1.1: MagicValue and Version, then DeviceID, are read before any other register. Recorded once.
    #[error("{access} of the register at {offset:#x} before MagicValue, Version and DeviceID were read, in this order")]
    NotIdentified {
        /// Direction of the access.
        access: Access,
        /// Offset in bytes from the start of the registers.
        offset: usize,
    },
    /// 4.2.2.2: only defined interrupt bits are acknowledged.
    #[error("undefined interrupt bits acknowledged: {value:#x} written to InterruptACK")]
    AcknowledgedUndefined {
        /// The value that the driver wrote.
        value: u32,
    },
}

/// The direction of a register access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The driver reads.
    Read,
    /// The driver writes.
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}
