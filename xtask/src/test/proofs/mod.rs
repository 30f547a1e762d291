//! What the balloon does for each feature, shown in a real guest on QEMU's device, over PCI and over MMIO; and what it does
//! through every interface, with a second driver beside it.

pub(super) mod cell;
mod deflate_on_oom;
mod entropy;
mod freezing;
pub(super) mod guest;
mod hinting;
mod out_of_puff;
mod reporting;
mod statistics;
mod target;
mod together;

use std::time::{Duration, Instant};

use self::guest::Stage;
use super::runner::Context;
use crate::cli::{Arch, Transport};

/// Something that must be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof {
    /// What holds when it is seen.
    pub(crate) name: &'static str,
    /// How long it may take, once the guest is built.
    pub(crate) limit: Duration,
    /// Architectures whose QEMU does not live through it.
    pub(crate) except: &'static [Arch],
    /// Shows it.
    show: fn(&Stage) -> anyhow::Result<()>,
}

const fn proof(name: &'static str, seconds: u64, show: fn(&Stage) -> anyhow::Result<()>) -> Proof {
    Proof { name, limit: Duration::from_secs(seconds), except: &[], show }
}

/// The proofs. Their limits are for a slow machine without hardware virtualization that is busy with other things.
pub(crate) const PROOFS: &[Proof] = &[
    proof("out of puff until memory is freed", 60, out_of_puff::show),
    proof("the target is followed wherever it moves", 90, target::by_steps),
    proof("the target is followed by a driver of futures", 90, target::by_futures),
    proof("the target is followed over packed rings", 90, target::over_packed_rings),
    proof("the target is followed by event index", 90, target::by_event_index),
    proof("statistics are what the guest said", 60, statistics::show),
    proof("deflate on OOM makes progress", 90, deflate_on_oom::progress),
    proof("deflate on OOM without hold-off is a livelock", 90, deflate_on_oom::livelock),
    proof("freeze and restore under a moving target", 90, freezing::show),
    proof("reported pages leave the host", 90, reporting::show),
    proof("all features at once", 90, together::show),
    // The thread on which QEMU takes hints raises the device's interrupt without the lock that interrupting a CPU takes.
    // Other interrupt controllers take it themselves; with a GIC an assertion of QEMU's fails (`tcg_handle_interrupt`).
    Proof { except: &[Arch::Aarch64], ..proof("hinted pages are not migrated", 150, hinting::show) },
];

/// Shows `proof` to a guest of `arch` whose device is on `transport`.
pub(crate) fn run(context: &mut Context, proof: &Proof, arch: Arch, transport: Transport) -> anyhow::Result<()> {
    let image = context.build_guest(arch)?;
    (proof.show)(&Stage { arch, image, transport, deadline: Instant::now() + proof.limit })
}
