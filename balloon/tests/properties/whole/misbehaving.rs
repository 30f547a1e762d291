//! The device breaks the rules at random, on any of its queues.

use aerostat_balloon::{FrameSize, Size4KiB, Size64KiB};
use aerostat_device::{Misbehave, OwnershipViolation, QueueFault, RegisterFault, Scribble};
use proptest::prelude::*;

use super::declared::{Declared, Everything};
use super::machine::Machine;
use super::moves::{Move, a_move};
use super::{Setup, setup};
use crate::config;

/// A move, or a fault from now on.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Move(Move),
    /// After a lie the books of device and driver differ.
    Fault {
        fault: Misbehave,
        lies: bool,
    },
}

/// Faults after which the driver believes that the device is done with another buffer than it is.
fn lies_of_buffers(fault: QueueFault) -> bool {
    use QueueFault::{UsedId, UsedIdNotOutstanding, UsedIndexJump, UsedTwice};
    matches!(fault, UsedId(_) | UsedIdNotOutstanding | UsedTwice | UsedIndexJump(_))
}

fn open_fault() -> impl Strategy<Value = QueueFault> {
    prop_oneof![
        prop_oneof![0..1100_u32, any::<u32>()].prop_map(QueueFault::UsedLength),
        Just(QueueFault::NeverAnswers),
        Just(QueueFault::Unasked),
        Just(QueueFault::LosesInterrupt),
        Just(QueueFault::Scribbles(Scribble::UsedRing)),
        Just(QueueFault::Scribbles(Scribble::Array)),
        Just(QueueFault::NeedsReset),
    ]
}

fn any_fault() -> impl Strategy<Value = QueueFault> {
    prop_oneof![
        2 => open_fault(),
        1 => Just(QueueFault::Scribbles(Scribble::Descriptors)),
        1 => Just(QueueFault::Scribbles(Scribble::AvailableRing)),
        4 => prop_oneof![0..130_u32, Just(0x1_0000), any::<u32>()].prop_map(QueueFault::UsedId),
        2 => Just(QueueFault::UsedIdNotOutstanding),
        2 => Just(QueueFault::UsedTwice),
        4 => prop_oneof![-3..4_i16, any::<i16>()].prop_map(QueueFault::UsedIndexJump),
    ]
}

/// Registers that say something else; those of features make the driver use queues that are others or none.
fn register_fault() -> impl Strategy<Value = (RegisterFault, bool)> {
    let open = prop_oneof![
        Just(RegisterFault::LosesFeaturesOk),
        (0..50_u32).prop_map(RegisterFault::SlowReset),
        prop_oneof![Just(0x40), Just(0x30)].prop_map(RegisterFault::StatusBits),
        (0..3_u32).prop_map(RegisterFault::QueueReady),
        Just(RegisterFault::GenerationNeverSettles),
        any::<u32>().prop_map(RegisterFault::NumPages),
        any::<u32>().prop_map(RegisterFault::Actual),
        prop_oneof![0..5_u32, any::<u32>()].prop_map(RegisterFault::HintCommand),
        Just(RegisterFault::HintCommandFlaps),
        any::<u32>().prop_map(RegisterFault::PoisonVal),
        (0..4_u32).prop_map(RegisterFault::InterruptBits),
        Just(RegisterFault::SpuriousInterrupts),
    ];
    let lie = prop_oneof![
        any::<u64>().prop_map(RegisterFault::Features),
        prop_oneof![0..20_u32, any::<u32>()].prop_map(RegisterFault::QueueSizeMax),
    ];
    prop_oneof![6 => open.prop_map(|fault| (fault, false)), 1 => lie.prop_map(|fault| (fault, true))]
}

/// Mostly moves; a fault of a queue is for one buffer, for all from one on, or for all of a queue.
fn turn(fault: impl Strategy<Value = QueueFault> + 'static) -> impl Strategy<Value = Turn> {
    let planned = (fault, 0..4_u8, 0..20_u64).prop_map(|(fault, when, buffer)| {
        let planned = match when {
            0 => Misbehave::from(fault),
            1 => fault.at(buffer).into(),
            2 => fault.starting_at(buffer).into(),
            _ => fault.on((buffer % 5) as u16).into(),
        };
        let scribbles = [Scribble::Descriptors, Scribble::AvailableRing].map(QueueFault::Scribbles);
        Turn::Fault { fault: planned, lies: lies_of_buffers(fault) || scribbles.contains(&fault) }
    });
    let register = register_fault().prop_map(|(fault, lies)| Turn::Fault { fault: fault.into(), lies });
    prop_oneof![30 => a_move().prop_map(Turn::Move), 2 => planned, 1 => register]
}

/// The moves of [`super::honest`] go on after errors; nothing panics or hangs, and no frame is lost or given back twice.
fn survives<S: FrameSize, L: Declared>(setup: &Setup, turns: &[Turn], drops: bool) {
    let mut machine = Machine::<S, L>::new(setup);
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
    if drops || machine.is_maimed() {
        machine.drop_balloon();
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
    if lied {
        use OwnershipViolation::{ForeignDma, ForeignTracking, NotLent};
        // A device that claims to be done with a buffer lets go of its frames. Nothing comes back twice for all that.
        let twice = |one: &&OwnershipViolation| matches!(one, NotLent(_) | ForeignDma { .. } | ForeignTracking(_));
        assert_eq!(machine.ledger.violations().iter().find(twice), None);
    } else {
        machine.check_rules();
        machine.check_pages();
    }
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn every_queue_of_a_device_that_fails_openly(
        setup in setup(), turns in prop::collection::vec(turn(open_fault()), 1..80), drops: bool,
    ) {
        survives::<Size4KiB, Everything>(&setup, &turns, drops);
    }

    #[test]
    fn every_queue_of_a_device_that_fails_openly_with_large_frames(
        setup in setup(), turns in prop::collection::vec(turn(open_fault()), 1..80), drops: bool,
    ) {
        survives::<Size64KiB, Everything>(&setup, &turns, drops);
    }

    #[test]
    fn every_queue_of_a_device_that_lies(
        setup in setup(), turns in prop::collection::vec(turn(any_fault()), 1..80), drops: bool,
    ) {
        survives::<Size4KiB, Everything>(&setup, &turns, drops);
    }

    #[test]
    fn every_queue_of_a_device_that_lies_of_large_frames(
        setup in setup(), turns in prop::collection::vec(turn(any_fault()), 1..80), drops: bool,
    ) {
        survives::<Size64KiB, Everything>(&setup, &turns, drops);
    }
}
