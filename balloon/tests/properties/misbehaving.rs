//! The device breaks the rules at random.

use aerostat_balloon::{FrameSize, Size4KiB, Size64KiB};
use aerostat_device::{BalloonDevice, Misbehave, OwnershipViolation, QueueFault, RegisterFault, Scribble};
use proptest::prelude::*;

use crate::config;
use crate::machine::{Declared, Machine, Told};
use crate::moves::{Move, a_move};

const MEMORY: u64 = 6 << 20;
const PAGES: u32 = 1400;

/// A move, or a fault from now on.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Move(Move),
    Fault { fault: Misbehave, lies: bool },
}

/// Faults after which a driver cannot know which buffer the device has really used: it may be told of one that the
/// device still works on, as a device can always claim.
fn lies_of_buffers(fault: QueueFault) -> bool {
    use QueueFault::{UsedId, UsedIdNotOutstanding, UsedIndexJump, UsedTwice};
    matches!(fault, UsedId(_) | UsedIdNotOutstanding | UsedTwice | UsedIndexJump(_))
}

fn open_fault() -> impl Strategy<Value = QueueFault> {
    let scribble =
        prop::sample::select(vec![Scribble::Descriptors, Scribble::AvailableRing, Scribble::UsedRing, Scribble::Array]);
    prop_oneof![
        prop_oneof![0..1100_u32, any::<u32>()].prop_map(QueueFault::UsedLength),
        Just(QueueFault::NeverAnswers),
        Just(QueueFault::LosesInterrupt),
        scribble.prop_map(QueueFault::Scribbles),
        Just(QueueFault::NeedsReset),
    ]
}

fn any_fault() -> impl Strategy<Value = QueueFault> {
    prop_oneof![
        1 => open_fault(),
        2 => prop_oneof![0..130_u32, Just(0x1_0000), any::<u32>()].prop_map(QueueFault::UsedId),
        1 => Just(QueueFault::UsedIdNotOutstanding),
        1 => Just(QueueFault::UsedTwice),
        2 => prop_oneof![-3..4_i16, any::<i16>()].prop_map(QueueFault::UsedIndexJump),
    ]
}

fn register_fault() -> impl Strategy<Value = RegisterFault> {
    prop_oneof![
        prop_oneof![Just(0), any::<u64>()].prop_map(RegisterFault::Features),
        Just(RegisterFault::LosesFeaturesOk),
        (0..50_u32).prop_map(RegisterFault::SlowReset),
        prop_oneof![Just(0x40), Just(0x30), 0..256_u32].prop_map(RegisterFault::StatusBits),
        prop_oneof![0..20_u32, any::<u32>()].prop_map(RegisterFault::QueueSizeMax),
        (0..3_u32).prop_map(RegisterFault::QueueReady),
        Just(RegisterFault::GenerationNeverSettles),
        any::<u32>().prop_map(RegisterFault::NumPages),
        any::<u32>().prop_map(RegisterFault::Actual),
        any::<u32>().prop_map(RegisterFault::InterruptBits),
        Just(RegisterFault::SpuriousInterrupts),
    ]
}

/// Mostly moves; a fault of a queue is for one buffer, for all from one on, or for all of a queue.
fn turn(fault: impl Strategy<Value = QueueFault> + 'static) -> impl Strategy<Value = Turn> {
    let planned = (fault, 0..4_u8, 0..20_u64).prop_map(|(fault, when, buffer)| {
        let planned = match when {
            0 => Misbehave::from(fault),
            1 => fault.at(buffer).into(),
            2 => fault.starting_at(buffer).into(),
            _ => fault.on((buffer % 2) as u16).into(),
        };
        Turn::Fault { fault: planned, lies: lies_of_buffers(fault) }
    });
    let register = register_fault().prop_map(|fault| Turn::Fault { fault: fault.into(), lies: false });
    prop_oneof![
        30 => a_move(PAGES).prop_map(Turn::Move),
        2 => planned,
        1 => register,
    ]
}

/// The moves of [`crate::honest`] go on after errors; nothing panics or hangs, and no frame is lost or given back twice.
fn survives<S: FrameSize, L: Declared>(depth: u16, turns: &[Turn], drops: bool) {
    let mut machine = Machine::<S, L>::new(BalloonDevice::builder().memory(MEMORY).manual(), depth);
    let mut lied = false;
    for turn in turns {
        match turn {
            // An error is an answer.
            Turn::Move(it) => drop(machine.make(*it)),
            Turn::Fault { fault, lies } => {
                lied |= lies;
                machine.device.misbehave(*fault);
            }
        }
        check(&machine, lied);
    }
    machine.device.behave();
    if drops {
        machine.drop_balloon();
        assert!(machine.ledger.is_settled(), "dropping returns every frame");
        check(&machine, lied);
    } else {
        machine.abandon().expect("the device behaves");
        machine.restore().expect("the device behaves");
        machine.ledger.limit_frames(None);
        machine.settle();
        check(&machine, lied);
        machine.finish();
    }
}

fn check<S: FrameSize, L: Declared>(machine: &Machine<S, L>, lied: bool) {
    let broken = machine.ledger.violations();
    if lied {
        // A device that claims to have used a buffer lets go of its frames. None may be given back twice for all that.
        let twice = |one: &&OwnershipViolation| {
            !matches!(one, OwnershipViolation::BeforeTold(_) | OwnershipViolation::BalloonedUnowned(_))
        };
        assert_eq!(broken.iter().find(twice), None);
    } else {
        assert_eq!(broken, []);
        assert_eq!(machine.device.violations(), []);
        machine.check_pages();
    }
}

proptest! {
    #![proptest_config(config(80))]

    #[test]
    fn a_device_that_fails_openly(
        depth in 1..17_u16, turns in prop::collection::vec(turn(open_fault()), 1..60), drops: bool,
    ) {
        survives::<Size4KiB, Told>(depth, &turns, drops);
    }

    #[test]
    fn a_device_that_fails_openly_with_large_frames(
        depth in 1..17_u16, turns in prop::collection::vec(turn(open_fault()), 1..60), drops: bool,
    ) {
        survives::<Size64KiB, Told>(depth, &turns, drops);
    }

    #[test]
    fn a_device_that_lies(
        depth in 1..17_u16, turns in prop::collection::vec(turn(any_fault()), 1..60), drops: bool,
    ) {
        survives::<Size4KiB, Told>(depth, &turns, drops);
    }

    #[test]
    fn a_device_that_lies_of_large_frames(
        depth in 1..17_u16, turns in prop::collection::vec(turn(any_fault()), 1..60), drops: bool,
    ) {
        survives::<Size64KiB, Told>(depth, &turns, drops);
    }
}
