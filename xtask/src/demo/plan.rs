//! What the demo is to do, checked before anything is started.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    cli::{Arch, DemoArguments, Transport},
    qemu::{
        features::{Feature, Offer},
        resident,
    },
    units::Bytes,
};

/// Least memory of a guest: the kernel, its tables and something to give.
const LEAST_MEMORY: u64 = 64;
/// Most memory of a guest: 16 TiB, as far as the balloon's 32-bit page numbers reach.
const MOST_MEMORY: u64 = 16 << 20;
/// Least memory to leave to a guest, in MiB.
const LEAST_TARGET: u64 = 32;
/// Most rounds, so that a slip of the finger ends.
const MOST_ROUNDS: u32 = 10_000;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The guest's architecture, where the user said so.
    pub(crate) arch: Option<Arch>,
    /// How the guest is to reach the device, where the user said so.
    pub(crate) transport: Option<Transport>,
    /// Memory of the guest.
    pub(crate) memory: Bytes,
    /// Memory to leave to the guest.
    pub(crate) target: Bytes,
    pub(crate) rounds: u32,
    /// What QEMU's device is to offer.
    pub(crate) offer: Offer,
    /// Whether the report goes to standard output as JSON.
    pub(crate) json: bool,
    pub(crate) plot: Option<PathBuf>,
    /// The QEMU program, where the user named one.
    pub(crate) qemu: Option<PathBuf>,
    /// The guest's image, where the user named one.
    pub(crate) image: Option<PathBuf>,
}

impl Plan {
    /// Checks `arguments`.
    pub(crate) fn new(arguments: &DemoArguments) -> anyhow::Result<Self> {
        let &DemoArguments { memory, target, rounds, .. } = arguments;
        ensure!(
            (LEAST_MEMORY..=MOST_MEMORY).contains(&memory),
            "--memory {memory}: a guest of {LEAST_MEMORY} to {MOST_MEMORY} MiB can be had"
        );
        ensure!(target >= LEAST_TARGET, "--target {target}: a guest needs at least {LEAST_TARGET} MiB for itself");
        ensure!(
            target < memory,
            "--target {target}: the target must be below the guest's memory of {memory} MiB, else there is nothing to take"
        );
        ensure!((1..=MOST_ROUNDS).contains(&rounds), "--rounds {rounds}: 1 to {MOST_ROUNDS} rounds can be flown");
        let packed = arguments.features.as_ref().is_some_and(|features| features.contains(&Feature::Packed));
        if let Some(reason) = arguments.transport.filter(|_| packed).and_then(Transport::no_packed_rings) {
            bail!("--features packed: {reason}");
        }
        let plan = Self {
            arch: arguments.arch,
            transport: arguments.transport,
            memory: Bytes::from_mib(memory),
            target: Bytes::from_mib(target),
            rounds,
            offer: arguments.features.clone().map_or(Offer::Usual, Offer::Exactly),
            json: arguments.json,
            plot: arguments.plot.clone(),
            qemu: arguments.qemu.program.clone(),
            image: arguments.qemu.image.clone(),
        };
        plan.check_available(resident::available())?;
        plan.plot.as_deref().map_or(Ok(()), check_writable)?;
        Ok(plan)
    }

    /// The guest will touch all of its memory, so the host has to have it.
    fn check_available(&self, available: Option<Bytes>) -> anyhow::Result<()> {
        match available {
            Some(available) if available < self.memory => {
                bail!("--memory {}: only {available} are available on this machine", self.memory.mib())
            }
            _ => Ok(()),
        }
    }

    /// The least by which resident memory must follow the balloon, down and up: of what the guest gives, the share that
    /// 700 is of 768 MiB. A guest that reports its free pages leaves the host none of them, with or without a balloon.
    pub(crate) fn least_change(&self) -> Bytes {
        if self.offer.names(Feature::FreePageReporting) {
            return Bytes(0);
        }
        Bytes(self.memory.less(self.target).0 / 768 * 700)
    }

    /// The targets, in order.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Bytes> + use<> {
        let pair = [self.target, self.memory];
        (0..self.rounds).flat_map(move |_| pair)
    }
}

/// Finds out before the run whether `file` can be written after it. Leaves no file behind that was not there.
fn check_writable(file: &Path) -> anyhow::Result<()> {
    let is_svg = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
    ensure!(is_svg, "--plot {}: the drawing is an SVG, so the name must end with .svg", file.display());
    let existed = file.exists();
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .with_context(|| format!("--plot {}: the file cannot be written", file.display()))?;
    if !existed {
        fs::remove_file(file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        Plan::new(&DemoArguments::from_words(arguments)?)
    }

    #[test]
    fn each_round_goes_down_and_up() {
        let plan = plan(&["--memory", "128", "--target", "64", "--rounds", "2"]).unwrap();
        let mibs: Vec<_> = plan.targets().map(Bytes::mib).collect();
        assert_eq!(mibs, [64, 128, 64, 128]);
    }

    #[test]
    fn of_768_mib_700_must_become_free() {
        let plan = plan(&["--memory", "128", "--target", "32"]).unwrap();
        let plan = Plan { memory: Bytes::from_mib(1024), target: Bytes::from_mib(256), ..plan };
        assert_eq!(plan.least_change(), Bytes::from_mib(700));
        let plan = Plan { offer: Offer::Exactly(vec![Feature::FreePageReporting]), ..plan };
        assert_eq!(plan.least_change(), Bytes(0), "who reports has nothing left to release");
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (arguments, message) in [
            (&["--memory", "128", "--target", "129"][..], "--target 129: the target must be below"),
            (&["--memory", "128", "--target", "128"], "nothing to take"),
            (&["--transport", "pci-legacy", "--features", "packed"], "--features packed: the legacy interface has"),
            (&["--memory", "128", "--target", "0"], "--target 0: a guest needs at least"),
            (&["--memory", "1"], "--memory 1: a guest of 64 to"),
            (&["--memory", "99999999999999"], "--memory 99999999999999: a guest of"),
            (&["--memory", "128", "--target", "64", "--rounds", "0"], "--rounds 0: 1 to"),
            (&["--memory", "128", "--target", "64", "--plot", "/no/such/folder/a.svg"], "the file cannot be written"),
            (&["--memory", "128", "--target", "64", "--plot", "a.png"], "must end with .svg"),
        ] {
            let error = format!("{:#}", plan(arguments).unwrap_err());
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_guest_larger_than_the_host_is_refused() {
        let plan = plan(&["--memory", "128", "--target", "64"]).unwrap();
        let error = plan.check_available(Some(Bytes::from_mib(100))).unwrap_err();
        assert_eq!(error.to_string(), "--memory 128: only 100 MiB are available on this machine");
        assert!(plan.check_available(None).is_ok());
    }

    #[test]
    fn looking_whether_the_drawing_can_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.svg");
        check_writable(&file).unwrap();
        assert!(!file.exists());
        fs::write(&file, "kept").unwrap();
        check_writable(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    }
}
