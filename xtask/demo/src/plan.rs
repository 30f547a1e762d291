//! The plan of a demo: its arguments, checked before anything is started.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    features::{Feature, Offer},
    resident,
    transport::Transport,
};

use super::arguments::DemoArguments;

/// The least memory of a guest, in MiB: for the kernel, its tables and the balloon.
const LEAST_MEMORY: u64 = 64;
/// The most memory of a guest, in MiB: 16 TiB, the limit of 32-bit page numbers.
const MOST_MEMORY: u64 = 16 << 20;
/// The least memory to leave to a guest, in MiB.
const LEAST_TARGET: u64 = 32;
/// The most rounds, so that a mistyped number does not run forever.
const MOST_ROUNDS: u32 = 10_000;

/// What the demo does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The guest's architecture, if the user named one.
    pub arch: Option<Arch>,
    /// How the guest reaches the device, if the user said so.
    pub transport: Option<Transport>,
    /// The memory of the guest.
    pub memory: Bytes,
    /// The memory to leave to the guest.
    pub target: Bytes,
    /// How often the memory is taken and returned.
    pub rounds: u32,
    /// The features that QEMU's device offers.
    pub offer: Offer,
    /// Whether the report is printed as JSON.
    pub json: bool,
    /// The file for a plot of memory over time.
    pub plot: Option<PathBuf>,
    /// The QEMU program, if the user named one.
    pub qemu: Option<PathBuf>,
    /// The guest's image, if the user named one.
    pub image: Option<PathBuf>,
}

impl Plan {
    /// Checks `arguments`.
    ///
    /// # Errors
    ///
    /// If an argument is out of range, the host has too little memory or the plot cannot be written.
    pub fn new(arguments: &DemoArguments) -> anyhow::Result<Self> {
        let &DemoArguments { memory, target, rounds, .. } = arguments;
        ensure!(
            (LEAST_MEMORY..=MOST_MEMORY).contains(&memory),
            "--memory {memory}: the guest can have {LEAST_MEMORY} to {MOST_MEMORY} MiB"
        );
        ensure!(target >= LEAST_TARGET, "--target {target}: the guest needs at least {LEAST_TARGET} MiB");
        ensure!(target < memory, "--target {target}: the target must be less than the guest's memory of {memory} MiB");
        ensure!((1..=MOST_ROUNDS).contains(&rounds), "--rounds {rounds}: must be 1 to {MOST_ROUNDS}");
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
            offer: arguments.features.clone().map_or(Offer::Default, Offer::Exactly),
            json: arguments.json,
            plot: arguments.plot.clone(),
            qemu: arguments.qemu.program.clone(),
            image: arguments.qemu.image.clone(),
        };
        plan.check_available(resident::available())?;
        plan.plot.as_deref().map_or(Ok(()), check_writable)?;
        Ok(plan)
    }

    /// Checks that the host has the guest's memory, because the guest writes to all of it.
    fn check_available(&self, available: Option<Bytes>) -> anyhow::Result<()> {
        match available {
            Some(available) if available < self.memory => {
                bail!("--memory {}: only {available} are available on this host", self.memory.mib())
            }
            _ => Ok(()),
        }
    }

    /// Returns the minimum change of resident memory when the balloon inflates or deflates: 700 MiB for each 768 MiB.
    /// It is zero with free page reporting, because then free pages are not resident with or without a balloon.
    pub fn least_change(&self) -> Bytes {
        if self.offer.requests(Feature::FreePageReporting) {
            return Bytes(0);
        }
        Bytes(self.memory.minus(self.target).0 / 768 * 700)
    }

    /// Returns the targets in order.
    pub fn targets(&self) -> impl Iterator<Item = Bytes> + use<> {
        let pair = [self.target, self.memory];
        (0..self.rounds).flat_map(move |_| pair)
    }
}

/// Checks before the run that `file` can be written after it, without leaving a new file behind.
fn check_writable(file: &Path) -> anyhow::Result<()> {
    let is_svg = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
    ensure!(is_svg, "--plot {}: the plot is an SVG file, so the name must end in .svg", file.display());
    let existed = file.exists();
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .with_context(|| format!("--plot {}: cannot write the file", file.display()))?;
    if !existed {
        fs::remove_file(file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> anyhow::Result<Plan> {
        Plan::new(&DemoArguments::parse_words(arguments)?)
    }

    #[test]
    fn each_round_has_two_targets() {
        let plan = plan(&["--memory", "128", "--target", "64", "--rounds", "2"]).unwrap();
        let mibs: Vec<_> = plan.targets().map(Bytes::mib).collect();
        assert_eq!(mibs, [64, 128, 64, 128]);
    }

    #[test]
    fn resident_memory_must_change_by_700_of_768_mib() {
        let plan = plan(&["--memory", "128", "--target", "32"]).unwrap();
        let plan = Plan { memory: Bytes::from_mib(1024), target: Bytes::from_mib(256), ..plan };
        assert_eq!(plan.least_change(), Bytes::from_mib(700));
        let plan = Plan { offer: Offer::Exactly(vec![Feature::FreePageReporting]), ..plan };
        assert_eq!(plan.least_change(), Bytes(0), "free pages are reported already");
    }

    #[test]
    fn invalid_arguments_are_named() {
        for (arguments, message) in [
            (&["--memory", "128", "--target", "129"][..], "--target 129: the target must be less"),
            (&["--memory", "128", "--target", "128"], "must be less than"),
            (&["--transport", "pci-legacy", "--features", "packed"], "--features packed: the legacy interface has"),
            (&["--memory", "128", "--target", "0"], "--target 0: the guest needs at least"),
            (&["--memory", "1"], "--memory 1: the guest can have 64 to"),
            (&["--memory", "99999999999999"], "--memory 99999999999999: the guest can have"),
            (&["--memory", "128", "--target", "64", "--rounds", "0"], "--rounds 0: must be 1 to"),
            (&["--memory", "128", "--target", "64", "--plot", "/no/such/folder/a.svg"], "cannot write the file"),
            (&["--memory", "128", "--target", "64", "--plot", "a.png"], "must end in .svg"),
        ] {
            let error = format!("{:#}", plan(arguments).unwrap_err());
            assert!(error.contains(message), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_guest_larger_than_the_host_is_rejected() {
        let plan = plan(&["--memory", "128", "--target", "64"]).unwrap();
        let error = plan.check_available(Some(Bytes::from_mib(100))).unwrap_err();
        assert_eq!(error.to_string(), "--memory 128: only 100 MiB are available on this host");
        assert!(plan.check_available(None).is_ok());
    }

    #[test]
    fn checking_the_plot_file_does_not_change_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.svg");
        check_writable(&file).unwrap();
        assert!(!file.exists());
        fs::write(&file, "kept").unwrap();
        check_writable(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    }
}
