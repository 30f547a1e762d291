//! A balloon is frozen and restored repeatedly while its target moves.

use xtask_common::bytes::Bytes;
use xtask_qemu::{
    error::{Activity, QemuError},
    vm::Qemu,
};

use super::guest::{Environment, Setup, number};

const MEMORY: Bytes = Bytes::from_mib(128);
/// The balloon is frozen and restored several times a second.
const SETUP: Setup = Setup { memory: MEMORY, command_line: "freeze=150", features: &[] };
/// The targets in MiB, in turn. Moving from one to the next takes less time than there is between two freezes.
const TARGETS: [u64; 4] = [96, 64, 112, 80];
/// The number of freezes before the target stops moving.
const FREEZES: u64 = 20;
/// A guest with this much memory has a frozen balloon: no target is as high.
const NEARLY_ALL: Bytes = Bytes::from_mib(120);

pub(crate) fn run(environment: &Environment) -> anyhow::Result<()> {
    let mut guest = environment.start(SETUP)?;
    let mut target = MovingTarget::new();
    let enough = |line: &str| times(line).filter(|&frozen| frozen >= FREEZES);
    let frozen = guest.line_while("the guest's line `frozen 20 times`", enough, |qemu| target.poll(qemu))?;
    let MovingTarget { moves, reached, .. } = target;
    guest.ensure(reached > 0, || format!("none of {moves} targets was reached between two freezes"))?;

    // The target, no balloon during a freeze, and the target again.
    let target = Bytes::from_mib(88);
    guest.set_target(target)?;
    guest.wait_actual("the target, between two freezes", |actual| actual == target)?;
    guest.wait_actual("a freeze to empty the balloon", |actual| actual >= NEARLY_ALL)?;
    guest.wait_actual("the target, after the balloon was restored", |actual| actual == target)?;
    let more = guest.line("the guest's next line `frozen … times`", times)?;
    guest.ensure(more > frozen, || format!("the guest was frozen {frozen} times, and then {more}"))?;
    println!("Frozen {more} times; {reached} of {moves} moving targets were reached in between.");
    Ok(guest.stop()?)
}

/// The moving target.
#[derive(Clone, Copy, Debug)]
struct MovingTarget {
    target: Option<Bytes>,
    /// The number of polls since the target moved.
    polls: u32,
    /// The number of targets.
    moves: usize,
    /// The number of targets that were reached.
    reached: usize,
}

impl MovingTarget {
    const fn new() -> Self {
        Self { target: None, polls: 0, moves: 0, reached: 0 }
    }

    /// Polls the guest, and moves the target when it is reached or after some time.
    fn poll(&mut self, qemu: &mut Qemu) -> Result<(), QemuError> {
        /// The most polls for one target, because a freeze may prevent the guest from reaching it.
        const POLLS: u32 = 20;
        if let Some(target) = self.target {
            let is_reached = qemu.actual(Activity::Resizing { target })? == target;
            self.reached += usize::from(is_reached);
            self.polls += 1;
            if !is_reached && self.polls < POLLS {
                return Ok(());
            }
        }
        let target = Bytes::from_mib(TARGETS[self.moves % TARGETS.len()]);
        (self.target, self.polls, self.moves) = (Some(target), 0, self.moves + 1);
        qemu.set_target(target)
    }
}

/// Parses the number of freezes that the guest prints.
fn times(line: &str) -> Option<u64> {
    number(line, "frozen ", " times")
}
