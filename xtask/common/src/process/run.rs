//! Runs a command to its end, with a time limit.

use std::{
    io,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    child::{GuardedChild, TICK},
    interrupt::{self, Interrupted},
    lines,
};

/// The longest line that is read from a command, in bytes: cargo's messages are long.
const LONGEST: usize = 1 << 20;

/// The time limit of a build. It only ends one that hangs: how long a build takes depends on what was built before, and the limits of
/// tests do not include it.
pub const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);

/// A command that did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program failed to start.
    #[error("failed to start `{program}`: {source}")]
    Start {
        /// The name of the program.
        program: String,
        /// The error of the system.
        source: io::Error,
    },
    /// The program did not end within its time limit and was killed.
    #[error("`{program}` did not end within {} s and was killed", limit.as_secs())]
    Limit {
        /// The name of the program.
        program: String,
        /// The time limit.
        limit: Duration,
    },
    /// The system did not report how the program ended.
    #[error("failed to wait for a child process: {0}")]
    Wait(#[from] io::Error),
    /// The user stopped this program.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Runs `command` and calls `each` with every line of its standard output as it arrives. Standard error is left as the
/// command sets it.
///
/// # Errors
///
/// If the program fails to start or does not end within `limit`, or if the user stops this program.
pub fn lines(command: &mut Command, limit: Duration, mut each: impl FnMut(String)) -> Result<ExitStatus, RunError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let deadline = Instant::now() + limit;
    let mut child = GuardedChild::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))
        .map_err(|source| RunError::Start { program: program.clone(), source })?;
    let (sender, receiver) = mpsc::channel();
    let reader = child.take_stdout().map(|stdout| {
        thread::spawn(move || {
            lines::read(stdout, LONGEST, |line| {
                let _ = sender.send(line);
            });
        })
    });
    let status = loop {
        // A grandchild may keep the pipe open, so wait for the child and not for the end of its output.
        if let Ok(line) = receiver.recv_timeout(TICK) {
            each(line);
            receiver.try_iter().for_each(&mut each);
        }
        if let Some(status) = child.poll()? {
            break status;
        }
        interrupt::check()?;
        if Instant::now() >= deadline {
            return Err(RunError::Limit { program, limit });
        }
        if reader.as_ref().is_none_or(thread::JoinHandle::is_finished) {
            thread::sleep(TICK);
        }
    };
    while let Ok(line) = receiver.recv_timeout(Duration::from_millis(200)) {
        each(line);
    }
    Ok(status)
}

/// Runs `command` and returns its exit status and standard output.
///
/// # Errors
///
/// As [`lines()`].
pub fn output(command: &mut Command, limit: Duration) -> Result<(ExitStatus, String), RunError> {
    let mut text = String::new();
    let status = lines(command, limit, |line| {
        text.push_str(&line);
        text.push('\n');
    })?;
    Ok((status, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stderr(Stdio::null());
        command
    }

    #[test]
    fn output_and_status_are_complete() {
        let (status, text) = output(&mut shell("echo one; echo two; exit 3"), Duration::from_secs(30)).unwrap();
        assert_eq!((status.code(), text.as_str()), (Some(3), "one\ntwo\n"));
    }

    #[test]
    fn a_hanging_command_is_killed_at_its_limit() {
        let error = output(&mut shell("sleep 60"), Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, RunError::Limit { .. }), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(&mut Command::new("no-such-program-here"), Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().contains("failed to start `no-such-program-here`"), "{error}");
    }
}
