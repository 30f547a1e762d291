//! A balloon that is frozen and restored over and over, while its target moves.

use super::guest::{Setup, Stage, number};
use crate::{
    qemu::{
        error::{Activity, QemuError},
        process::Qemu,
    },
    units::Bytes,
};

const MEMORY: Bytes = Bytes::from_mib(128);
/// The balloon is frozen and restored several times a second.
const SETUP: Setup = Setup { memory: MEMORY, words: "freeze=150", features: &[] };
/// Targets in MiB, by turns: the way from one to the next takes a part of the time between two freezes.
const TARGETS: [u64; 4] = [96, 64, 112, 80];
/// Freezes before the target comes to rest.
const FREEZES: u64 = 20;
/// A balloon this close to empty was emptied by a freeze: no target says so.
const NEARLY_ALL: Bytes = Bytes::from_mib(120);

pub(crate) fn show(stage: &Stage) -> anyhow::Result<()> {
    let mut guest = stage.start(SETUP)?;
    let mut course = Course::new();
    let enough = |line: &str| times(line).filter(|&frozen| frozen >= FREEZES);
    let frozen = guest.line_while("the guest's line `frozen 20 times`", enough, |qemu| course.look(qemu))?;
    let Course { moves, reached, .. } = course;
    guest.ensure(reached > 0, || format!("of {moves} targets none was reached between two freezes"))?;

    // To the target, back by a freeze, and to the target again.
    let target = Bytes::from_mib(88);
    guest.set_target(target)?;
    guest.wait_actual("the target, between two freezes", |actual| actual == target)?;
    guest.wait_actual("an empty balloon, by a freeze", |actual| actual >= NEARLY_ALL)?;
    guest.wait_actual("the target, after the balloon was restored", |actual| actual == target)?;
    let more = guest.line("the guest's line `frozen … times` that comes next", times)?;
    guest.ensure(more > frozen, || format!("the guest was frozen {frozen} times, and then {more}"))?;
    println!("Frozen {more} times; {reached} of {moves} moving targets were reached in between.");
    Ok(guest.end()?)
}

/// The targets, one after the other.
#[derive(Clone, Copy, Debug)]
struct Course {
    target: Option<Bytes>,
    /// Looks at the guest since the target moved.
    looks: u32,
    /// How often the target moved.
    moves: usize,
    /// How many of the targets were reached.
    reached: usize,
}

impl Course {
    const fn new() -> Self {
        Self { target: None, looks: 0, moves: 0, reached: 0 }
    }

    /// Looks at the guest, and moves the target when it is reached or has been there long enough.
    fn look(&mut self, qemu: &mut Qemu) -> Result<(), QemuError> {
        /// So many looks at the most for a target: a freeze may have come first.
        const LOOKS: u32 = 20;
        if let Some(target) = self.target {
            let is_reached = qemu.actual(Activity::Following { target })? == target;
            self.reached += usize::from(is_reached);
            self.looks += 1;
            if !is_reached && self.looks < LOOKS {
                return Ok(());
            }
        }
        let target = Bytes::from_mib(TARGETS[self.moves % TARGETS.len()]);
        (self.target, self.looks, self.moves) = (Some(target), 0, self.moves + 1);
        qemu.set_target(target)
    }
}

/// How often the balloon was frozen, as the guest says.
fn times(line: &str) -> Option<u64> {
    number(line, "frozen ", " times")
}
