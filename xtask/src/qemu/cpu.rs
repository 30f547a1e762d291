//! The thread of the guest's CPU, as the system sees it: to look at it takes QEMU nothing.

use std::{fs, path::PathBuf};

use qapi::{Command, qmp::QmpCommand};
use serde::{Deserialize, Serialize};

/// The QMP command `query-cpus-fast`, of whose answer the threads are read: the rest differs by architecture.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct QueryCpus {}

impl QmpCommand for QueryCpus {}

impl Command for QueryCpus {
    const NAME: &'static str = "query-cpus-fast";
    const ALLOW_OOB: bool = false;
    type Ok = Vec<Cpu>;
}

/// A part of the answer to [`QueryCpus`].
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Cpu {
    #[serde(rename = "thread-id")]
    pub(crate) thread: u32,
}

/// A thread of QEMU's that a CPU of the guest runs in.
#[derive(Clone, Debug)]
pub(crate) struct CpuThread {
    stat: PathBuf,
}

impl CpuThread {
    /// A thread of a process.
    pub(crate) fn of(process: u32, thread: u32) -> Self {
        Self { stat: format!("/proc/{process}/task/{thread}/stat").into() }
    }

    /// Whether it runs or wants to. A thread that nothing is known of does not.
    pub(crate) fn is_busy(&self) -> bool {
        fs::read_to_string(&self.stat).is_ok_and(|stat| state(&stat) != Some('S'))
    }
}

/// The state in the text of a thread's `stat`: behind the name, in which there may be anything.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_behind_the_name() {
        assert_eq!(state("7 (CPU 0/TCG) S 1 7"), Some('S'));
        assert_eq!(state("7 (a) S (b) R 1 7"), Some('R'));
        assert_eq!(state("7"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_thread_that_looks_is_busy() {
        let thread = fs::read_link("/proc/thread-self").unwrap();
        let thread = thread.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap();
        assert!(CpuThread::of(std::process::id(), thread).is_busy());
        assert!(!CpuThread::of(u32::MAX, 1).is_busy(), "there is no such thread");
    }
}
