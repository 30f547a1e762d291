//! A child process in a group of its own that is killed when it is dropped.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// How often a wait looks again.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// A running child. Dropping it kills its whole process group and waits for its end.
#[derive(Debug)]
pub(crate) struct Guarded {
    child: Child,
    status: Option<ExitStatus>,
}

impl Guarded {
    /// Starts `command`.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        contain(command);
        Ok(Self { child: command.spawn()?, status: None })
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The writing end of its standard input, where that is a pipe and was not taken before.
    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The reading end of its standard output, where that is a pipe and was not taken before.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The reading end of its standard error, where that is a pipe and was not taken before.
    pub(crate) fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn poll(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for its end, but not longer than `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.poll()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(TICK);
        }
    }

    /// Kills its process group and waits for its end.
    pub(crate) fn kill(&mut self) {
        if matches!(self.poll(), Ok(None)) {
            kill_group(&mut self.child);
            self.status = self.child.wait().ok();
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Gives the child a process group of its own and ties its life to this program's.
fn contain(command: &mut Command) {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed. It makes one
    // `prctl` system call and touches no memory, lock or allocator of the parent.
    unsafe {
        command.pre_exec(|| {
            // Even SIGKILL of this program must not leave a machine behind.
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            Ok(())
        });
    }
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let killed =
        group.is_some_and(|group| rustix::process::kill_process_group(group, rustix::process::Signal::KILL).is_ok());
    if !killed {
        // Between fork and exec the group may not exist yet; the process itself always does until it is waited for.
        let _ = child.kill();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{path::Path, process::Stdio};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    #[test]
    fn a_dropped_child_is_gone() {
        let child = Guarded::spawn(&mut shell("sleep 60")).unwrap();
        let process = format!("/proc/{}", child.id());
        assert!(Path::new(&process).exists());
        drop(child);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn waiting_ends_at_the_limit_and_reports_the_end() {
        let mut child = Guarded::spawn(&mut shell("sleep 60")).unwrap();
        assert_eq!(child.wait(Duration::ZERO).unwrap(), None);
        let mut child = Guarded::spawn(&mut shell("exit 7")).unwrap();
        assert_eq!(child.wait(Duration::from_secs(30)).unwrap().and_then(|status| status.code()), Some(7));
    }
}
