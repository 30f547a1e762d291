//! Errors of guests in QEMU.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

use xtask_common::{bytes::Bytes, process::interrupt::Interrupted};

/// A guest in QEMU failed.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// The QEMU program does not exist.
    #[error("QEMU was not found as `{}`: install it (Debian and Ubuntu: package {package}) or pass --qemu", program.display())]
    NotFound {
        /// The path or name of the program.
        program: PathBuf,
        /// The Debian package with the program.
        package: &'static str,
    },
    /// QEMU lacks a firmware file that the machine needs.
    #[error("`{}` has no firmware `{file}`: install it (Debian and Ubuntu: package opensbi)", program.display())]
    NoFirmware {
        /// The QEMU program.
        program: PathBuf,
        /// The name of the firmware file.
        file: &'static str,
    },
    /// The program does not report a QEMU version.
    #[error("`{}` is not a working QEMU: {reason}", program.display())]
    Broken {
        /// The program.
        program: PathBuf,
        /// What it did instead.
        reason: String,
    },
    /// The program failed to start.
    #[error("failed to start `{}`: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The QMP socket cannot be created or connected.
    #[error("failed to set up the QMP socket: {0}")]
    Socket(io::Error),
    /// QEMU ended unexpectedly.
    #[error("QEMU ended while {activity}: {}{output}", describe(*.status))]
    Ended {
        /// What was in progress.
        activity: Activity,
        /// How QEMU ended.
        status: ExitStatus,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// The guest panicked.
    #[error("the guest panicked while {activity}{output}")]
    Panicked {
        /// What was in progress.
        activity: Activity,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// The guest did not do something in time.
    #[error("timed out after {} s while {activity}{output}", limit.as_secs())]
    TimedOut {
        /// What was in progress.
        activity: Activity,
        /// The time limit.
        limit: Duration,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// The guest did not reach its target in time.
    #[error("the guest did not reach its target of {target}: it still had {actual} after {} s{output}", limit.as_secs())]
    OffTarget {
        /// The memory that the guest was to have.
        target: Bytes,
        /// The memory that it had last.
        actual: Bytes,
        /// The time limit.
        limit: Duration,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// A QMP command failed.
    #[error("QMP `{command}` failed while {activity}: {reason}{output}")]
    Qmp {
        /// The name of the command.
        command: &'static str,
        /// What was in progress.
        activity: Activity,
        /// QEMU's description of the error.
        reason: String,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// The guest did something wrong.
    #[error("{what}{output}")]
    Unexpected {
        /// What it did.
        what: String,
        /// The last lines of both.
        output: Box<LastOutput>,
    },
    /// The guest's serial console does not accept input.
    #[error("failed to write to the guest's serial console: {0}")]
    Console(io::Error),
    /// The state of the QEMU process cannot be read.
    #[error("failed to read the state of the QEMU process: {0}")]
    Process(io::Error),
    /// The user stopped the program.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What was in progress when an error occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// QEMU starts and connects to the QMP socket.
    Starting,
    /// The guest boots and writes to its memory.
    Booting,
    /// The guest moves to a new target.
    Resizing {
        /// The memory that the guest is to have.
        target: Bytes,
    },
    /// A wait for the named event.
    WaitingFor(&'static str),
    /// A QMP command that QEMU answers at once.
    Querying,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting QEMU"),
            Self::Booting => f.write_str("booting the guest (it did not print its `ready:` line)"),
            Self::Resizing { target } => write!(f, "waiting for the guest to reach {target}"),
            Self::WaitingFor(what) => write!(f, "waiting for {what}"),
            Self::Querying => f.write_str("querying QEMU"),
        }
    }
}

/// The last lines that guest and QEMU printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastOutput {
    /// The guest's last lines on its serial console.
    pub guest: Vec<String>,
    /// QEMU's last lines on standard error.
    pub qemu: Vec<String>,
}

impl fmt::Display for LastOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (who, lines) in [("the guest", &self.guest), ("QEMU", &self.qemu)] {
            if lines.is_empty() {
                write!(f, "\n{who} printed nothing")?;
            } else {
                write!(f, "\nlast output of {who}:")?;
                lines.iter().try_for_each(|line| write!(f, "\n  | {line}"))?;
            }
        }
        Ok(())
    }
}

/// The exit code of QEMU after a panic of the guest.
pub const PANICKED: i32 = 37;

/// Describes how QEMU ended. Through the debug-exit device the guest chooses one of two odd exit codes.
fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "the machine was shut down or reset".to_owned(),
        Some(33) => "the guest shut down successfully (exit code 33)".to_owned(),
        Some(PANICKED) => format!("the guest panicked (exit code {PANICKED})"),
        _ => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_values_and_quotes_both_outputs() {
        let output = LastOutput { guest: vec!["frame 17 is lost".to_owned()], qemu: vec!["bad ring".to_owned()] };
        let (target, actual) = (Bytes::from_mib(256), Bytes::from_mib(700));
        let limit = Duration::from_secs(30);
        let text = QemuError::OffTarget { target, actual, limit, output: Box::new(output) }.to_string();
        for part in ["after 30 s", "target of 256 MiB", "still had 700 MiB", "\n  | frame 17 is lost", "\n  | bad ring"]
        {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }

    #[test]
    fn missing_output_is_mentioned() {
        assert_eq!(LastOutput::default().to_string(), "\nthe guest printed nothing\nQEMU printed nothing");
    }

    #[test]
    fn exit_codes_of_the_guest_are_described() {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(describe(ExitStatus::from_raw(33 << 8)).contains("successfully"));
        assert!(describe(ExitStatus::from_raw(9)).contains("signal: 9"));
    }
}
