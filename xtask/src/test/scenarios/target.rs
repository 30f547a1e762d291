//! The balloon follows its target: up, down, while it moves, below the memory in use, and to an empty balloon.

use xtask_common::bytes::Bytes;
use xtask_qemu::{
    error::{Activity, QemuError},
    features::Feature,
};

use super::guest::{Environment, Guest, Setup};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest uses some of its memory, so that a target can be lower than that.
const SETUP: Setup = Setup { memory: MEMORY, command_line: "spare=64", features: &[] };
/// As [`SETUP`], with the async driver.
const ASYNC: Setup = Setup { command_line: "spare=64 async", ..SETUP };
/// As [`SETUP`], with packed rings and event index.
const PACKED: Setup = Setup { features: &[Feature::Packed, Feature::EventIdx], ..SETUP };
/// As [`SETUP`], with split rings and event index.
const EVENT_IDX: Setup = Setup { features: &[Feature::EventIdx], ..SETUP };
/// As [`SETUP`], with block inflation.
const BLOCKS: Setup =
    Setup { command_line: "spare=64 blocks", features: &[Feature::Blocks, Feature::EventIdx], ..SETUP };
/// The memory that the guest uses.
const IN_USE: Bytes = Bytes::from_mib(64);

const fn mib(mib: u64) -> Bytes {
    Bytes::from_mib(mib)
}

/// With the synchronous driver.
pub(crate) fn sync_driver(environment: &Environment) -> anyhow::Result<()> {
    run(environment, SETUP)
}

/// With the async driver.
pub(crate) fn async_driver(environment: &Environment) -> anyhow::Result<()> {
    run(environment, ASYNC)
}

/// With packed rings.
pub(crate) fn packed_rings(environment: &Environment) -> anyhow::Result<()> {
    run(environment, PACKED)
}

/// With event index.
pub(crate) fn event_index(environment: &Environment) -> anyhow::Result<()> {
    run(environment, EVENT_IDX)
}

/// With block inflation. A guest reaches a target so fast that the first one may be reached before it moves.
pub(crate) fn blocks(environment: &Environment) -> anyhow::Result<()> {
    run(environment, BLOCKS)
}

fn run(environment: &Environment, setup: Setup) -> anyhow::Result<()> {
    let mut guest = environment.start(setup)?;

    // Down and up, exactly.
    for target in [192, 128, 224, 160] {
        guest.reach(mib(target))?;
    }

    // The target turns upward while the balloon inflates: the last target counts.
    let (mut turns, mut before_first) = (Vec::new(), 0);
    for (first, then) in [(112, 240), (104, 144), (120, 248), (96, 136)] {
        let turned = begin(&mut guest, mib(first))?;
        guest.reach(mib(then))?;
        before_first += u32::from(turned != mib(first));
        turns.push(turned.mib());
    }
    let is_fast = setup.features.contains(&Feature::Blocks);
    guest.ensure(before_first > 0 || is_fast, || {
        format!("the guest always reached the first target before it moved: {turns:?}")
    })?;

    // Below the memory in use: the guest keeps that memory, still runs, and follows the next target.
    guest.set_target(mib(16))?;
    let kept = guest.settle(IN_USE.plus(mib(24)))?;
    guest.ensure(kept >= IN_USE, || format!("the guest uses {IN_USE}, but has only {kept}"))?;
    guest.reach(mib(176))?;

    // The largest balloon that QEMU can request: all memory except one page.
    guest.set_target(Bytes(1))?;
    let least = guest.settle(kept.plus(mib(1)))?;
    guest.ensure(least >= kept.minus(mib(1)), || {
        format!("with a target of one page the guest kept {least}, with a target of 16 MiB {kept}")
    })?;

    // An empty balloon.
    guest.reach(MEMORY)?;
    println!("The target turned at {turns:?} MiB; a guest that uses {IN_USE} kept at least {kept}.");
    Ok(guest.stop()?)
}

/// Sets `target`, waits until the guest starts to follow, and returns the memory that it has then.
fn begin(guest: &mut Guest, target: Bytes) -> Result<Bytes, QemuError> {
    /// Polls without a pause, because the guest may reach the target within one interval.
    const POLLS: u32 = 100;
    let before = guest.actual()?;
    guest.set_target(target)?;
    guest.wait_for("the first step toward a new target", |qemu| {
        for _ in 0..POLLS {
            let actual = qemu.actual(Activity::Resizing { target })?;
            if actual != before {
                return Ok(Some(actual));
            }
        }
        Ok(None)
    })
}
