//! How much stack each public call of the balloon uses. The guest measures it by painting its stack
//! (`guest/src/kernel/stack.rs`); this module builds that guest, runs it in QEMU and reads its lines.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};

use xtask_build::{guest, toolchain::Recipe};
use xtask_common::{arch::Arch, bytes::Bytes};
use xtask_qemu::{
    features::{Feature, Offer},
    machine::{Balloon, Machine, Start},
    migration::DISCARD,
    program,
    serial::Position,
    transport::Transport,
    vm::Qemu,
};

/// The command line of the guest.
const COMMAND_LINE: &str = "then=stack";
/// Memory of the guest.
const MEMORY: Bytes = Bytes::from_mib(256);
/// Sizes of the balloon: first this one, then the smaller one.
const BALLOON: Bytes = Bytes::from_mib(16);
const SMALLER_BALLOON: Bytes = Bytes::from_mib(8);
/// Bandwidth of the migration, in a second. It lasts until it is canceled.
const BANDWIDTH: Bytes = Bytes::from_mib(4);
/// Longest time between two lines of the guest.
const LIMIT: Duration = Duration::from_secs(60);

/// What the device offers: everything that has code in the driver, with each of the two kinds of rings.
const OFFERS: [&[Feature]; 2] = [
    &[
        Feature::DeflateOnOom,
        Feature::FreePageReporting,
        Feature::FreePageHint,
        Feature::PagePoison,
        Feature::EventIdx,
        Feature::Packed,
    ],
    &[Feature::DeflateOnOom, Feature::FreePageReporting, Feature::FreePageHint, Feature::PagePoison, Feature::EventIdx],
];

/// Measures every call in the development and the release profile. Each number is that of the kind of ring with which the
/// call uses more.
pub(crate) fn numbers(recipe: &Recipe) -> anyhow::Result<BTreeMap<String, f64>> {
    let (mut numbers, mut exhausted) = (BTreeMap::new(), Vec::new());
    for profile in ["dev", "release"] {
        let image = guest::build_for_stack(recipe, profile)?;
        for offer in OFFERS {
            for (call, bytes) in run(image.clone(), offer).with_context(|| format!("the guest of profile {profile}"))? {
                let name = format!("bytes of stack/{profile}/{call}");
                let Some(bytes) = bytes else {
                    exhausted.push(name);
                    continue;
                };
                let number: &mut f64 = numbers.entry(name).or_default();
                *number = number.max(bytes);
            }
        }
    }
    if !exhausted.is_empty() {
        numbers.iter().for_each(|(name, number)| println!("{number:>12}  {name}"));
        bail!("these calls used all of the guest's stack: {}", exhausted.join(", "));
    }
    Ok(numbers)
}

/// The calls that a guest measures, with the bytes that each of them uses; `None` if it uses all of the stack.
fn run(image: PathBuf, offer: &[Feature]) -> anyhow::Result<Vec<(String, Option<f64>)>> {
    let machine = Machine {
        arch: Arch::X86_64,
        program: program::name(Arch::X86_64).into(),
        image,
        command_line: COMMAND_LINE.to_owned(),
        memory: MEMORY,
        transport: Transport::Pci,
        balloon: Balloon::Present(Offer::Exactly(offer.to_vec())),
        start: Start::Running,
        entropy: None,
    };
    let mut qemu = Qemu::start(&machine)?;
    let (mut position, mut calls) = (Position::default(), Vec::new());
    loop {
        let event = qemu.wait_for("the guest's next line `stack: …`", LIMIT, |qemu| {
            Ok(qemu.next_line(&mut position, Event::read))
        })?;
        match event {
            Event::WaitsForTarget => qemu.set_target(MEMORY.minus(BALLOON))?,
            Event::WaitsForLowerTarget => qemu.set_target(MEMORY.minus(SMALLER_BALLOON))?,
            Event::WaitsForMigration => qemu.migrate(DISCARD, BANDWIDTH)?,
            Event::WaitsForEndOfMigration => qemu.cancel_migration()?,
            Event::Measured { call, bytes } => calls.push((call, bytes)),
            Event::Done => return Ok(calls),
        }
    }
}

/// A line of the guest that starts with `stack: `.
#[derive(Debug, PartialEq)]
enum Event {
    WaitsForTarget,
    WaitsForLowerTarget,
    WaitsForMigration,
    WaitsForEndOfMigration,
    /// A call was measured.
    Measured {
        call: String,
        /// `None` if the call used all of the stack.
        bytes: Option<f64>,
    },
    Done,
}

impl Event {
    fn read(line: &str) -> Option<Self> {
        let text = line.trim_end().strip_prefix("stack: ")?;
        Some(match text {
            "waiting for a target" => Self::WaitsForTarget,
            "waiting for a lower target" => Self::WaitsForLowerTarget,
            "waiting for a migration" => Self::WaitsForMigration,
            "waiting for the end of the migration" => Self::WaitsForEndOfMigration,
            "done" => Self::Done,
            measured => {
                let (call, bytes) = measured.rsplit_once(' ')?;
                let bytes = match bytes {
                    "exhausted" => None,
                    bytes => Some(bytes.parse().ok()?),
                };
                Self::Measured { call: call.to_owned(), bytes }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_may_have_a_name_of_several_words() {
        let measured = |call: &str, bytes| Some(Event::Measured { call: call.to_owned(), bytes });
        assert_eq!(Event::read("stack: probe 3456\r"), measured("probe", Some(3456.0)));
        assert_eq!(Event::read("stack: service while inflating 8"), measured("service while inflating", Some(8.0)));
        assert_eq!(Event::read("stack: freeze exhausted"), measured("freeze", None));
    }

    #[test]
    fn other_lines_of_the_guest_are_not_measurements() {
        assert_eq!(Event::read("stack: waiting for a migration"), Some(Event::WaitsForMigration));
        assert_eq!(Event::read("stack: done"), Some(Event::Done));
        for line in ["ready: 251 MiB, 91 MiB free", "stack: waiting for something else", "stack: probe"] {
            assert_eq!(Event::read(line), None, "{line}");
        }
    }
}
