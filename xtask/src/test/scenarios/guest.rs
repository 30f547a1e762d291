//! A guest for a scenario. All waits end at the time limit of the scenario.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    error::{Activity, QemuError},
    features::{Feature, Offer},
    machine::{Balloon, Machine, Start},
    program,
    serial::Position,
    statistics::Statistics,
    transport::Transport,
    vm::Qemu,
};

/// The time without a change after which a value is steady: longer than the driver's pause between retries.
const REST: Duration = Duration::from_secs(1);

/// Where a scenario runs.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) arch: Arch,
    pub(crate) image: PathBuf,
    pub(crate) transport: Transport,
    /// When the scenario times out.
    pub(crate) deadline: Instant,
}

/// The guest that a scenario needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) memory: Bytes,
    /// The kernel command line.
    pub(crate) command_line: &'static str,
    /// The features that the device offers, and no others.
    pub(crate) features: &'static [Feature],
}

/// A guest that is ready.
#[derive(Debug)]
pub(crate) struct Guest {
    qemu: Qemu,
    deadline: Instant,
    /// The position after the last console line that was read.
    position: Position,
}

impl Environment {
    /// Starts a guest and waits until it is ready.
    pub(crate) fn start(&self, setup: Setup) -> Result<Guest, QemuError> {
        self.start_with(setup, None, &[])
    }

    /// As [`Environment::start`], with additional arguments for QEMU.
    pub(crate) fn start_with_arguments(&self, setup: Setup, more: &[OsString]) -> Result<Guest, QemuError> {
        self.start_with(setup, None, more)
    }

    /// As [`Environment::start`], with an entropy device that is backed by a file.
    pub(crate) fn start_with_entropy(&self, setup: Setup, file: &Path) -> Result<Guest, QemuError> {
        self.start_with(setup, Some(file.to_owned()), &[])
    }

    fn start_with(&self, setup: Setup, entropy: Option<PathBuf>, more: &[OsString]) -> Result<Guest, QemuError> {
        let machine = Machine {
            arch: self.arch,
            program: program::name(self.arch).into(),
            image: self.image.clone(),
            command_line: setup.command_line.to_owned(),
            memory: setup.memory,
            transport: self.transport,
            balloon: Balloon::Present(Offer::Exactly(setup.features.to_vec())),
            start: Start::Running,
            entropy,
        };
        let mut qemu = Qemu::start_with(&machine, more)?;
        qemu.wait_ready_within(remaining(self.deadline))?;
        Ok(Guest { qemu, deadline: self.deadline, position: Position::default() })
    }
}

/// Returns the time until `deadline`.
fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Guest {
    /// Polls `condition` until it returns a value. The error names `what` was awaited.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &'static str,
        condition: impl FnMut(&mut Qemu) -> Result<Option<T>, QemuError>,
    ) -> Result<T, QemuError> {
        self.qemu.wait_for(what, remaining(self.deadline), condition)
    }

    /// Waits for the next console line for which `read` returns a value.
    pub(crate) fn line<T>(&mut self, what: &'static str, read: impl FnMut(&str) -> Option<T>) -> Result<T, QemuError> {
        self.line_while(what, read, |_| Ok(()))
    }

    /// As [`Guest::line`], and calls `action` at each poll.
    pub(crate) fn line_while<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&str) -> Option<T>,
        mut action: impl FnMut(&mut Qemu) -> Result<(), QemuError>,
    ) -> Result<T, QemuError> {
        let mut position = self.position;
        let found = self.wait_for(what, |qemu| {
            action(qemu)?;
            Ok(qemu.next_line(&mut position, &mut read))
        })?;
        self.position = position;
        Ok(found)
    }

    /// Returns the result of `read` for the next console line, if there is one already.
    pub(crate) fn line_now<T>(&mut self, read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.qemu.next_line(&mut self.position, read)
    }

    /// Sends a line end to the guest's console.
    pub(crate) fn press_enter(&mut self) -> Result<(), QemuError> {
        self.qemu.type_in("\n")
    }

    /// Sets the memory that the guest is to have.
    pub(crate) fn set_target(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.qemu.set_target(target)
    }

    /// Returns the memory that the guest has, according to the device.
    pub(crate) fn actual(&mut self) -> Result<Bytes, QemuError> {
        self.qemu.actual(Activity::Querying)
    }

    /// Waits until `is_expected` is true for the memory that the guest has, and returns that.
    pub(crate) fn wait_actual(
        &mut self,
        what: &'static str,
        mut is_expected: impl FnMut(Bytes) -> bool,
    ) -> Result<Bytes, QemuError> {
        self.wait_for(what, |qemu| {
            Ok(Some(qemu.actual(Activity::WaitingFor(what))?).filter(|actual| is_expected(*actual)))
        })
    }

    /// Sets `target` and waits until the guest has exactly that.
    pub(crate) fn reach(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.set_target(target)?;
        let mut last = Bytes(0);
        let reached = self.wait_actual("the guest to reach its target", |actual| {
            last = actual;
            actual == target
        });
        match reached {
            Err(QemuError::TimedOut { limit, output, .. }) => {
                Err(QemuError::OffTarget { target, actual: last, limit, output })
            }
            other => other.map(drop),
        }
    }

    /// Waits until the guest has at most `most` and the amount is steady.
    pub(crate) fn settle(&mut self, most: Bytes) -> Result<Bytes, QemuError> {
        let mut last = self.wait_actual("the guest to give what it can", |actual| actual <= most)?;
        let mut since = Instant::now();
        self.wait_actual("the balloon to be steady", |actual| {
            if actual != last {
                (last, since) = (actual, Instant::now());
            }
            since.elapsed() >= REST
        })
    }

    /// Returns the resident memory of QEMU.
    pub(crate) fn resident(&self) -> Result<Bytes, QemuError> {
        self.qemu.resident()
    }

    /// Waits for the next set of statistics.
    fn next_statistics(&mut self) -> Result<Statistics, QemuError> {
        let before = self.qemu.statistics()?.map(|statistics| statistics.arrived);
        self.wait_for("the next set of statistics", |qemu| {
            Ok(qemu.statistics()?.filter(|statistics| Some(statistics.arrived) != before))
        })
    }

    /// Waits for statistics that were measured after this call. The next set may have been measured before it.
    pub(crate) fn settled_statistics(&mut self) -> Result<Statistics, QemuError> {
        self.next_statistics()?;
        self.next_statistics()
    }

    /// Returns an error with `what` and the last output, unless `holds`.
    pub(crate) fn ensure(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), QemuError> {
        if holds { Ok(()) } else { Err(self.error(what())) }
    }

    /// Returns an error with `what` and the last output.
    pub(crate) fn error(&self, what: String) -> QemuError {
        QemuError::Unexpected { what, output: Box::new(self.qemu.last_output()) }
    }

    /// Returns QEMU, for what only one scenario does.
    pub(crate) const fn qemu(&mut self) -> &mut Qemu {
        &mut self.qemu
    }

    /// Checks that the guest still runs, and stops it.
    pub(crate) fn stop(mut self) -> Result<(), QemuError> {
        self.actual()?;
        self.qemu.quit()
    }
}

/// Parses the number in `line` between `before` and `after`.
pub(crate) fn number(line: &str, before: &str, after: &str) -> Option<u64> {
    let (_, rest) = line.split_once(before)?;
    let (number, _) = rest.split_once(after)?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed() {
        let line = "memory test: done 128 MiB after 70 deflations";
        assert_eq!(number(line, "done ", " MiB"), Some(128));
        assert_eq!(number(line, "after ", " deflations"), Some(70));
        assert_eq!(number(line, "spare: ", " MiB"), None);
        assert_eq!(number("memory test: done x MiB", "done ", " MiB"), None);
    }
}
