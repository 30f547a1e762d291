//! A guest for a proof: what all proofs do with it, each wait within the time of the proof.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    cli::{Arch, Transport},
    qemu::{
        error::{Activity, QemuError},
        features::{Feature, Offer},
        machine::{Balloon, Machine, Start},
        process::Qemu,
        program,
        serial::Place,
        statistics::Statistics,
    },
    units::Bytes,
};

/// How long something has to stay as it is to have come to rest: more than the driver's pause between two tries.
const REST: Duration = Duration::from_secs(1);

/// Where a proof is shown.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) arch: Arch,
    pub(crate) image: PathBuf,
    pub(crate) transport: Transport,
    /// When the proof is given up.
    pub(crate) deadline: Instant,
}

/// The guest that a proof asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) memory: Bytes,
    /// Its command line.
    pub(crate) words: &'static str,
    /// What the device offers: these and no others.
    pub(crate) features: &'static [Feature],
}

/// A guest that is ready.
#[derive(Debug)]
pub(crate) struct Guest {
    qemu: Qemu,
    deadline: Instant,
    /// After the last line that was read.
    place: Place,
}

impl Stage {
    /// Starts a guest and waits until it is ready.
    pub(crate) fn start(&self, setup: Setup) -> Result<Guest, QemuError> {
        self.start_fitted(setup, None)
    }

    /// The same, with an entropy device beside the balloon that gives out the bytes of a file.
    pub(crate) fn start_with_entropy(&self, setup: Setup, file: &Path) -> Result<Guest, QemuError> {
        self.start_fitted(setup, Some(file.to_owned()))
    }

    fn start_fitted(&self, setup: Setup, entropy: Option<PathBuf>) -> Result<Guest, QemuError> {
        let machine = Machine {
            arch: self.arch,
            program: program::name(self.arch).into(),
            image: self.image.clone(),
            command_line: setup.words.to_owned(),
            memory: setup.memory,
            transport: self.transport,
            balloon: Balloon::Fitted(Offer::Exactly(setup.features.to_vec())),
            start: Start::Running,
            entropy,
        };
        let mut qemu = Qemu::start(&machine)?;
        qemu.wait_ready_within(left(self.deadline))?;
        Ok(Guest { qemu, deadline: self.deadline, place: Place::default() })
    }
}

/// The time until `deadline`.
fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Guest {
    /// Waits for what `look` finds; `what` it is, is said where it is not found in time.
    pub(crate) fn wait_for<T>(
        &mut self,
        what: &'static str,
        look: impl FnMut(&mut Qemu) -> Result<Option<T>, QemuError>,
    ) -> Result<T, QemuError> {
        self.qemu.wait_for(what, left(self.deadline), look)
    }

    /// Waits for the next line of which `read` makes something.
    pub(crate) fn line<T>(&mut self, what: &'static str, read: impl FnMut(&str) -> Option<T>) -> Result<T, QemuError> {
        self.line_while(what, read, |_| Ok(()))
    }

    /// Waits for the next line of which `read` makes something, and does something `meanwhile`, over and over.
    pub(crate) fn line_while<T>(
        &mut self,
        what: &'static str,
        mut read: impl FnMut(&str) -> Option<T>,
        mut meanwhile: impl FnMut(&mut Qemu) -> Result<(), QemuError>,
    ) -> Result<T, QemuError> {
        let mut place = self.place;
        let found = self.wait_for(what, |qemu| {
            meanwhile(qemu)?;
            Ok(qemu.next_line(&mut place, &mut read))
        })?;
        self.place = place;
        Ok(found)
    }

    /// The guest's next line of which `read` makes something, if it is there already.
    pub(crate) fn line_now<T>(&mut self, read: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.qemu.next_line(&mut self.place, read)
    }

    /// Types a line on the guest's serial line.
    pub(crate) fn press_enter(&mut self) -> Result<(), QemuError> {
        self.qemu.type_in("\n")
    }

    /// Tells what the guest is to have.
    pub(crate) fn set_target(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.qemu.set_target(target)
    }

    /// What the guest has, by the device's account.
    pub(crate) fn actual(&mut self) -> Result<Bytes, QemuError> {
        self.qemu.actual(Activity::Asking)
    }

    /// Waits until what the guest has is as `wanted`.
    pub(crate) fn wait_actual(
        &mut self,
        what: &'static str,
        mut wanted: impl FnMut(Bytes) -> bool,
    ) -> Result<Bytes, QemuError> {
        self.wait_for(what, |qemu| Ok(Some(qemu.actual(Activity::Awaiting(what))?).filter(|actual| wanted(*actual))))
    }

    /// Waits until the guest has exactly `target`, which it is told to have.
    pub(crate) fn reach(&mut self, target: Bytes) -> Result<(), QemuError> {
        self.set_target(target)?;
        let mut last = Bytes(0);
        let reached = self.wait_actual("a target that can be reached", |actual| {
            last = actual;
            actual == target
        });
        match reached {
            Err(QemuError::Hung { limit, evidence, .. }) => {
                Err(QemuError::Lost { target, actual: last, limit, evidence })
            }
            other => other.map(drop),
        }
    }

    /// Waits until the guest has at most `most`, and until what it has does not change any more.
    pub(crate) fn settle(&mut self, most: Bytes) -> Result<Bytes, QemuError> {
        let mut last = self.wait_actual("all that the guest can give", |actual| actual <= most)?;
        let mut since = Instant::now();
        self.wait_actual("an end of the balloon's changes", |actual| {
            if actual != last {
                (last, since) = (actual, Instant::now());
            }
            since.elapsed() >= REST
        })
    }

    /// QEMU's resident memory.
    pub(crate) fn resident(&self) -> Result<Bytes, QemuError> {
        self.qemu.resident()
    }

    /// Waits for statistics that arrive after those that are there now.
    fn fresh_statistics(&mut self) -> Result<Statistics, QemuError> {
        let before = self.qemu.statistics()?.map(|statistics| statistics.arrived);
        self.wait_for("a new set of statistics", |qemu| {
            Ok(qemu.statistics()?.filter(|statistics| Some(statistics.arrived) != before))
        })
    }

    /// Waits for statistics that were measured after now: the first set that arrives may have been measured before.
    pub(crate) fn settled_statistics(&mut self) -> Result<Statistics, QemuError> {
        self.fresh_statistics()?;
        self.fresh_statistics()
    }

    /// An error that says `what` is wrong and quotes the guest, unless `holds`.
    pub(crate) fn ensure(&self, holds: bool, what: impl FnOnce() -> String) -> Result<(), QemuError> {
        if holds { Ok(()) } else { Err(self.wrong(what())) }
    }

    /// An error that says `what` is wrong and quotes the guest.
    pub(crate) fn wrong(&self, what: String) -> QemuError {
        QemuError::Wrong { what, evidence: Box::new(self.qemu.evidence()) }
    }

    /// QEMU, for what only one proof does.
    pub(crate) const fn qemu(&mut self) -> &mut Qemu {
        &mut self.qemu
    }

    /// Whether the guest is still there and still answers, and then its end.
    pub(crate) fn end(mut self) -> Result<(), QemuError> {
        self.actual()?;
        self.qemu.quit()
    }
}

/// The number in `line` between `before` and `after`.
pub(crate) fn number(line: &str, before: &str, after: &str) -> Option<u64> {
    let (_, rest) = line.split_once(before)?;
    let (number, _) = rest.split_once(after)?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_out_of_lines() {
        let line = "hog: done 128 MiB after 70 deflations";
        assert_eq!(number(line, "done ", " MiB"), Some(128));
        assert_eq!(number(line, "after ", " deflations"), Some(70));
        assert_eq!(number(line, "spare: ", " MiB"), None);
        assert_eq!(number("hog: done x MiB", "done ", " MiB"), None);
    }
}
