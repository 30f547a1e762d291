//! What can go wrong between the test and QEMU.

use std::io;
use std::time::Duration;

/// Why QEMU did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QemuError {
    /// There is no QEMU on this machine.
    #[error("{0}")]
    Missing(String),
    /// QEMU did not start.
    #[error("could not start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the host answered.
        source: io::Error,
    },
    /// QEMU ended, or closed its side.
    #[error("QEMU is gone while {doing}; it said: {stderr}")]
    Gone {
        /// What the test was waiting for.
        doing: String,
        /// What QEMU wrote to its standard error.
        stderr: String,
    },
    /// QEMU did not answer in time.
    #[error("QEMU did not answer within {limit:?} while {doing}; it said: {stderr}")]
    Silent {
        /// What the test was waiting for.
        doing: String,
        /// How long it waited.
        limit: Duration,
        /// What QEMU wrote to its standard error.
        stderr: String,
    },
    /// QEMU answered something else than expected.
    #[error("QEMU answered {answer:?} to {question:?}")]
    Answer {
        /// The question.
        question: String,
        /// The answer.
        answer: String,
    },
    /// QEMU refused a QMP command.
    #[error("QEMU refused {command}: {reason}")]
    Absent {
        /// The command.
        command: &'static str,
        /// What QEMU answered.
        reason: String,
    },
    /// There is no such device in the machine.
    #[error("the machine has no {0}")]
    NoDevice(String),
    /// A base address register that cannot be used.
    #[error("BAR {bar} of {function}: {reason}")]
    Bar {
        /// The function.
        function: String,
        /// The register.
        bar: u8,
        /// What is wrong with it.
        reason: &'static str,
    },
}
