//! The balloon follows its target: up, down, while it moves, beyond what there is, and to nothing.

use super::guest::{Guest, Setup, Stage};
use crate::{
    qemu::{
        error::{Activity, QemuError},
        features::Feature,
    },
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(256);
/// The guest uses some of its memory, so that a target can be below what is in use.
const SETUP: Setup = Setup { memory: MEMORY, words: "spare=64", features: &[] };
/// The same, with a driver that runs as futures.
const AS_FUTURES: Setup = Setup { words: "spare=64 async", ..SETUP };
/// The same, over packed rings that notify at an index.
const PACKED: Setup = Setup { features: &[Feature::Packed, Feature::EventIdx], ..SETUP };
/// The same, over split rings that notify at an index.
const EVENT_IDX: Setup = Setup { features: &[Feature::EventIdx], ..SETUP };
/// What the guest uses.
const IN_USE: Bytes = Bytes::from_mib(64);

const fn mib(mib: u64) -> Bytes {
    Bytes::from_mib(mib)
}

/// By the step function.
pub(crate) fn by_steps(stage: &Stage) -> anyhow::Result<()> {
    show(stage, SETUP)
}

/// By futures.
pub(crate) fn by_futures(stage: &Stage) -> anyhow::Result<()> {
    show(stage, AS_FUTURES)
}

/// Over packed rings.
pub(crate) fn over_packed_rings(stage: &Stage) -> anyhow::Result<()> {
    show(stage, PACKED)
}

/// With an event index.
pub(crate) fn by_event_index(stage: &Stage) -> anyhow::Result<()> {
    show(stage, EVENT_IDX)
}

fn show(stage: &Stage, setup: Setup) -> anyhow::Result<()> {
    let mut guest = stage.start(setup)?;

    // Both ways, exactly.
    for target in [192, 128, 224, 160] {
        guest.reach(mib(target))?;
    }

    // On its way down the target turns upward; what counts is the last one.
    let (mut turns, mut on_the_way) = (Vec::new(), 0);
    for (first, then) in [(112, 240), (104, 144), (120, 248), (96, 136)] {
        let turned = begin(&mut guest, mib(first))?;
        guest.reach(mib(then))?;
        on_the_way += u32::from(turned != mib(first));
        turns.push(turned.mib());
    }
    guest.ensure(on_the_way > 0, || format!("the guest was always there before its target moved: {turns:?}"))?;

    // Below what the guest uses: it keeps that, lives, and is there for the next target.
    guest.set_target(mib(16))?;
    let floor = guest.settle(IN_USE.plus(mib(24)))?;
    guest.ensure(floor >= IN_USE, || format!("the guest uses {IN_USE}, but only {floor} were left to it"))?;
    guest.reach(mib(176))?;

    // As large a balloon as QEMU can ask for: all memory but a page, more than the guest counts as its own.
    guest.set_target(Bytes(1))?;
    let least = guest.settle(floor.plus(mib(1)))?;
    guest.ensure(least >= floor.less(mib(1)), || {
        format!("asked for all that it has, the guest kept {least}; asked for 240 MiB, it kept {floor}")
    })?;

    // No balloon at all.
    guest.reach(MEMORY)?;
    println!("Turned at {turns:?} MiB; never less than {floor} of a guest that uses {IN_USE}.");
    Ok(guest.end()?)
}

/// Sets `target` and waits until the guest has begun to follow. What it has then.
fn begin(guest: &mut Guest, target: Bytes) -> Result<Bytes, QemuError> {
    /// Looks without a pause: between two ordinary ones the guest may go the whole way.
    const LOOKS: u32 = 100;
    let before = guest.actual()?;
    guest.set_target(target)?;
    guest.wait_for("a first step toward a new target", |qemu| {
        for _ in 0..LOOKS {
            let actual = qemu.actual(Activity::Following { target })?;
            if actual != before {
                return Ok(Some(actual));
            }
        }
        Ok(None)
    })
}
