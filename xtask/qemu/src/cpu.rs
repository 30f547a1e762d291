//! The thread that runs the guest's CPU. Its state is read from `/proc`, which does not disturb QEMU.

use std::{fs, path::PathBuf};

/// The QEMU thread that runs a CPU of the guest.
#[derive(Clone, Debug)]
pub struct CpuThread {
    stat: PathBuf,
}

impl CpuThread {
    /// Refers to a thread of a process by their ids.
    pub fn new(process: u32, thread: u32) -> Self {
        Self { stat: format!("/proc/{process}/task/{thread}/stat").into() }
    }

    /// Returns whether the thread runs or is ready to run. A thread that does not exist is not busy.
    pub fn is_busy(&self) -> bool {
        fs::read_to_string(&self.stat).is_ok_and(|stat| state(&stat) != Some('S'))
    }
}

/// Returns the state in the text of `/proc/…/stat`. It follows the name, which may contain any character.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_the_name() {
        assert_eq!(state("7 (CPU 0/TCG) S 1 7"), Some('S'));
        assert_eq!(state("7 (a) S (b) R 1 7"), Some('R'));
        assert_eq!(state("7"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_running_thread_is_busy() {
        let thread = fs::read_link("/proc/thread-self").unwrap();
        let thread = thread.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap();
        assert!(CpuThread::new(std::process::id(), thread).is_busy());
        assert!(!CpuThread::new(u32::MAX, 1).is_busy(), "the thread does not exist");
    }
}
