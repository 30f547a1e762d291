//! Scenarios: one for each feature of the balloon, in a guest on QEMU's device, over PCI and MMIO. The scenario of the matrix
//! covers every interface, with a second driver beside the balloon.

pub(super) mod cell;
mod deflate_on_oom;
mod device_error;
pub(super) mod entropy;
mod freezing;
pub(super) mod guest;
mod hinting;
mod monitor;
mod out_of_frames;
mod recovery;
mod reporting;
mod statistics;
mod target;
mod together;

use std::time::{Duration, Instant};

use xtask_common::arch::Arch;
use xtask_qemu::transport::Transport;

use self::guest::Environment;
use super::context::Context;

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// What is tested.
    pub(crate) name: &'static str,
    /// The time limit, without the build of the guest.
    pub(crate) limit: Duration,
    /// Architectures whose QEMU fails in it.
    pub(crate) except: &'static [Arch],
    run: fn(&Environment) -> anyhow::Result<()>,
}

const fn scenario(name: &'static str, seconds: u64, run: fn(&Environment) -> anyhow::Result<()>) -> Scenario {
    Scenario { name, limit: Duration::from_secs(seconds), except: &[], run }
}

/// All scenarios. Their limits are for a slow and busy host without hardware virtualization.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario("out of frames until memory is freed", 60, out_of_frames::run),
    scenario("the balloon follows a moving target", 90, target::sync_driver),
    scenario("the balloon follows a moving target, with the async driver", 90, target::async_driver),
    scenario("the balloon follows a moving target, with packed rings", 90, target::packed_rings),
    scenario("the balloon follows a moving target, with event index", 90, target::event_index),
    scenario("the balloon follows a moving target, by whole blocks", 90, target::blocks),
    scenario("the host gets the guest's statistics", 60, statistics::run),
    scenario("deflate on OOM makes progress", 90, deflate_on_oom::progress),
    scenario("deflate on OOM makes progress, with the async driver", 90, deflate_on_oom::async_progress),
    scenario("deflate on OOM without a backoff is a livelock", 90, deflate_on_oom::livelock),
    scenario("freeze and restore under a moving target", 90, freezing::run),
    scenario("the balloon is restored after its device was reset", 60, recovery::run),
    scenario("the balloon recovers from a protocol error of its device", 60, device_error::sync_driver),
    scenario(
        "the balloon recovers from a protocol error of its device, with the async driver",
        60,
        device_error::async_driver,
    ),
    scenario("reported pages are released by the host", 90, reporting::run),
    scenario("all features at once", 90, together::run),
    // QEMU's thread for hints raises the device's interrupt without QEMU's global lock. Other interrupt controllers take the lock
    // themselves; with a GIC an assertion in QEMU fails (`tcg_handle_interrupt`).
    Scenario { except: &[Arch::Aarch64], ..scenario("hinted pages are not migrated", 150, hinting::run) },
];

/// Runs `scenario` in a guest of `arch` with a device on `transport`.
pub(crate) fn run(context: &mut Context, scenario: &Scenario, arch: Arch, transport: Transport) -> anyhow::Result<()> {
    let image = context.build_guest(arch)?;
    (scenario.run)(&Environment { arch, image, transport, deadline: Instant::now() + scenario.limit })
}
