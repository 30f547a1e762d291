//! Running a command to its end, with a limit.

use std::{
    io,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{
    child::{Guarded, TICK},
    interrupt::{self, Interrupted},
    lines,
};

/// Longest line that is taken from a command: cargo's messages are long.
const LONGEST: usize = 1 << 20;

/// Why a command did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It could not be started.
    #[error("`{program}` could not be started: {source}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why it was not.
        source: io::Error,
    },
    /// It was still running at its limit and was killed.
    #[error("`{program}` was still running after {} s and was killed", limit.as_secs())]
    Limit {
        /// What ran too long.
        program: String,
        /// How long it was allowed to run.
        limit: Duration,
    },
    /// The system could not say how it ended.
    #[error("the end of a child process could not be awaited: {0}")]
    Wait(#[from] io::Error),
    /// The user stopped the program.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Runs `command` and gives each line of its standard output to `each` as it comes. Standard error goes where the
/// command sends it.
pub(crate) fn lines(
    command: &mut Command,
    limit: Duration,
    mut each: impl FnMut(String),
) -> Result<ExitStatus, RunError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let deadline = Instant::now() + limit;
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))
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
        // A grandchild may hold the pipe open, so the end of the output is not waited for: the child's own end counts.
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

/// Runs `command` and gives back how it ended and what it wrote to its standard output.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<(ExitStatus, String), RunError> {
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
    fn output_and_status_arrive_whole() {
        let (status, text) = output(&mut shell("echo one; echo two; exit 3"), Duration::from_secs(30)).unwrap();
        assert_eq!((status.code(), text.as_str()), (Some(3), "one\ntwo\n"));
    }

    #[test]
    fn a_command_that_hangs_is_killed_at_its_limit() {
        let error = output(&mut shell("sleep 60"), Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, RunError::Limit { .. }), "{error}");
    }

    #[test]
    fn a_command_that_does_not_exist_is_named() {
        let error = output(&mut Command::new("no-such-program-here"), Duration::from_secs(1)).unwrap_err();
        assert!(error.to_string().contains("`no-such-program-here` could not be started"), "{error}");
    }
}
