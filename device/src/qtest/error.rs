//! Errors of the communication with QEMU.

use std::io;
use std::time::Duration;

/// A failed operation on a QEMU machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QemuError {
    /// QEMU is not installed.
    #[error("{0}")]
    NotInstalled(String),
    /// QEMU did not start.
    #[error("failed to start {program}: {source}")]
    Start {
        /// The path of the binary.
        program: String,
        /// The error of the system call.
        source: io::Error,
    },
    /// QEMU exited or closed the connection.
    #[error("QEMU exited during {during}; its error output: {stderr}")]
    Exited {
        /// The operation.
        during: String,
        /// The standard error output of QEMU.
        stderr: String,
    },
    /// QEMU did not answer in time.
    #[error("no answer from QEMU within {limit:?} during {during}; its error output: {stderr}")]
    Timeout {
        /// The operation.
        during: String,
        /// The time limit.
        limit: Duration,
        /// The standard error output of QEMU.
        stderr: String,
    },
    /// QEMU answered a qtest request with an error or in an unexpected form.
    #[error("unexpected answer {answer:?} from QEMU to {request:?}")]
    Answer {
        /// The request.
        request: String,
        /// The answer.
        answer: String,
    },
    /// QEMU rejected a QMP command.
    #[error("QEMU rejected the command {command}: {reason}")]
    Rejected {
        /// The command.
        command: &'static str,
        /// The error message of QEMU.
        reason: String,
    },
    /// The machine has no such device.
    #[error("the machine has no {0}")]
    NoDevice(String),
    /// The base address register is invalid.
    #[error("invalid BAR {bar} of {function}: {reason}")]
    Bar {
        /// The PCI function.
        function: String,
        /// The number of the register.
        bar: u8,
        /// The reason.
        reason: &'static str,
    },
}
