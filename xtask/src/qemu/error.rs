//! What can go wrong with a guest in QEMU.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::{process::interrupt::Interrupted, units::Bytes};

/// Why a guest in QEMU did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QemuError {
    #[error("QEMU was not found as `{}`: install it (Debian and Ubuntu: package {package}), or name it by --qemu", program.display())]
    NotFound { program: PathBuf, package: &'static str },
    #[error("`{}` has no firmware `{file}`: install it (Debian and Ubuntu: package opensbi)", program.display())]
    NoFirmware { program: PathBuf, file: &'static str },
    #[error("`{}` is not a QEMU that works: {reason}", program.display())]
    Broken { program: PathBuf, reason: String },
    #[error("`{}` could not be started: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    #[error("the QMP socket could not be set up: {0}")]
    Socket(io::Error),
    #[error("QEMU ended while {activity}: {}{evidence}", describe(*.status))]
    Ended { activity: Activity, status: ExitStatus, evidence: Box<Evidence> },
    #[error("the guest panicked while {activity}{evidence}")]
    Panicked { activity: Activity, evidence: Box<Evidence> },
    #[error("{} s went by while {activity}, and nothing came of it{evidence}", limit.as_secs())]
    Hung { activity: Activity, limit: Duration, evidence: Box<Evidence> },
    #[error(
        "the guest was to have {target}, but stayed at {actual}: {} s went by{evidence}", limit.as_secs()
    )]
    Lost { target: Bytes, actual: Bytes, limit: Duration, evidence: Box<Evidence> },
    #[error("QMP `{command}` failed while {activity}: {reason}{evidence}")]
    Qmp { command: &'static str, activity: Activity, reason: String, evidence: Box<Evidence> },
    #[error("{what}{evidence}")]
    Wrong { what: String, evidence: Box<Evidence> },
    #[error("nothing can be said to the guest: {0}")]
    Mute(io::Error),
    #[error("QEMU's state could not be read: {0}")]
    Process(io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What was being waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// QEMU starts and connects.
    Starting,
    /// The guest boots, and touches its memory.
    Booting,
    /// The guest follows a new target.
    Following { target: Bytes },
    /// Something comes about.
    Awaiting(&'static str),
    /// Nothing: a request that is answered at once.
    Asking,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("QEMU was starting"),
            Self::Booting => f.write_str("the guest was booting (it never said that it is ready)"),
            Self::Following { target } => write!(f, "the guest was on its way to {target}"),
            Self::Awaiting(what) => write!(f, "{what} was awaited"),
            Self::Asking => f.write_str("QEMU was asked"),
        }
    }
}

/// The last that was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The guest's last lines on its serial port.
    pub(crate) guest: Vec<String>,
    /// QEMU's last lines on standard error.
    pub(crate) qemu: Vec<String>,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (who, lines) in [("the guest", &self.guest), ("QEMU", &self.qemu)] {
            if lines.is_empty() {
                write!(f, "\n{who} said nothing")?;
            } else {
                write!(f, "\nthe last that {who} said:")?;
                lines.iter().try_for_each(|line| write!(f, "\n  | {line}"))?;
            }
        }
        Ok(())
    }
}

/// The exit code of a QEMU that the guest ended because it panicked.
pub(crate) const PANICKED: i32 = 37;

/// How QEMU ended. By the debug-exit device the guest gives it one of two odd codes.
fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(0) => "the machine was shut down or reset".to_owned(),
        Some(33) => "the guest ended it, content (exit code 33)".to_owned(),
        Some(PANICKED) => format!("the guest panicked (exit code {PANICKED})"),
        _ => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_carries_what_was_awaited_and_the_last_lines_of_both() {
        let evidence = Evidence { guest: vec!["frame 17 is lost".to_owned()], qemu: vec!["bad ring".to_owned()] };
        let (target, actual) = (Bytes::from_mib(256), Bytes::from_mib(700));
        let limit = Duration::from_secs(30);
        let text = QemuError::Lost { target, actual, limit, evidence: Box::new(evidence) }.to_string();
        for part in ["30 s went by", "have 256 MiB", "stayed at 700 MiB", "\n  | frame 17 is lost", "\n  | bad ring"] {
            assert!(text.contains(part), "{part:?} is missing in: {text}");
        }
    }

    #[test]
    fn silence_is_said() {
        assert_eq!(Evidence::default().to_string(), "\nthe guest said nothing\nQEMU said nothing");
    }

    #[test]
    fn the_guests_own_exit_code_is_told() {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(describe(ExitStatus::from_raw(33 << 8)).contains("content"));
        assert!(describe(ExitStatus::from_raw(9)).contains("signal: 9"));
    }
}
