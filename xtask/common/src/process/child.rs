//! A child process in its own process group that is killed when its handle is dropped.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// The interval at which waits poll.
pub const TICK: Duration = Duration::from_millis(20);

/// A running child process. Dropping it kills its process group and waits until it has ended.
#[derive(Debug)]
pub struct GuardedChild {
    child: Child,
    status: Option<ExitStatus>,
}

impl GuardedChild {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// If the program fails to start.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        contain(command);
        Ok(Self { child: command.spawn()?, status: None })
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Takes the writing end of standard input, if it is a pipe that was not taken before.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Takes the reading end of standard output, if it is a pipe that was not taken before.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Takes the reading end of standard error, if it is a pipe that was not taken before.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Returns the exit status, or `None` while the process runs.
    ///
    /// # Errors
    ///
    /// If the system does not report the status.
    pub fn poll(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits up to `limit` for the process to end. Returns `None` if it still runs.
    ///
    /// # Errors
    ///
    /// If the system does not report the status.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.poll()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(TICK);
        }
    }

    /// Kills the process group and waits until the process has ended.
    pub fn kill(&mut self) {
        if matches!(self.poll(), Ok(None)) {
            kill_group(&mut self.child);
            self.status = self.child.wait().ok();
        }
    }
}

impl Drop for GuardedChild {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Puts the child into its own process group, and has the kernel kill it when this program ends.
fn contain(command: &mut Command) {
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: the closure runs between fork and exec, where only async-signal-safe calls are allowed. It makes one
    // `prctl` system call and touches no memory, lock or allocator of the parent.
    unsafe {
        command.pre_exec(|| {
            // No virtual machine may stay behind even if this program is killed with SIGKILL.
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
        // Between fork and exec the group may not exist yet. The process exists until it is waited for.
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
    fn dropping_a_child_kills_it() {
        let child = GuardedChild::spawn(&mut shell("sleep 60")).unwrap();
        let process = format!("/proc/{}", child.id());
        assert!(Path::new(&process).exists());
        drop(child);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn wait_returns_at_the_limit_or_with_the_status() {
        let mut child = GuardedChild::spawn(&mut shell("sleep 60")).unwrap();
        assert_eq!(child.wait(Duration::ZERO).unwrap(), None);
        let mut child = GuardedChild::spawn(&mut shell("exit 7")).unwrap();
        assert_eq!(child.wait(Duration::from_secs(30)).unwrap().and_then(|status| status.code()), Some(7));
    }
}
