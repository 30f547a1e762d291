//! The device has random faults, on any of its queues and registers.

use aerostat_balloon::{FrameSize, Platform, Size4KiB, Size64KiB};
use aerostat_device::{Fault, OwnershipViolation, QueueFault, RegisterFault, Scribble, TestPlatform};
use proptest::prelude::*;

use crate::blocks::inflates_blocks;
use crate::config;
use crate::conforming::end;
use crate::declarations::{AllOptional, AllRequired, Declaration, OnlyMustTellHost, has_blocks};
use crate::machine::{End, Machine};
use crate::moves::{Move, a_move};
use crate::setup::{Setup, setup};

/// A move, or a fault from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Move(Move),
    Fault { fault: Fault, effect: Effect },
}

/// What a fault means for the counts of driver and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// They stay the same.
    None,
    /// They differ for reporting, hinting and packed rings: the device processes other buffers than the driver has sent.
    Blocks,
    /// They differ: the driver takes a buffer for used that the device still has.
    All,
}

fn effect_of(fault: QueueFault) -> Effect {
    use QueueFault::{CompletesTwice, ReportsId, ReportsIdNotInFlight, Scribbles, ShiftsUsedIndex};
    match fault {
        ReportsId(_) | ReportsIdNotInFlight | CompletesTwice | ShiftsUsedIndex(_) => Effect::All,
        Scribbles(Scribble::Descriptors | Scribble::AvailableRing) => Effect::Blocks,
        _ => Effect::None,
    }
}

/// Faults after which driver and device count the same pages.
fn fault_with_equal_counts() -> impl Strategy<Value = QueueFault> {
    prop_oneof![
        prop_oneof![0..1100_u32, any::<u32>()].prop_map(QueueFault::ReportsLength),
        Just(QueueFault::NeverCompletes),
        Just(QueueFault::CompletesStatisticsEarly),
        Just(QueueFault::LosesInterrupt),
        Just(QueueFault::Scribbles(Scribble::UsedRing)),
        Just(QueueFault::Scribbles(Scribble::Buffer)),
        Just(QueueFault::SetsNeedsReset),
    ]
}

/// Faults of a device that overwrites what the driver has written.
fn overwriting_fault() -> impl Strategy<Value = QueueFault> {
    let scribble = prop::sample::select(vec![Scribble::Descriptors, Scribble::AvailableRing]);
    scribble.prop_map(QueueFault::Scribbles)
}

/// Faults that [`fault_with_equal_counts`] has, and those that overwrite.
fn fault_of_page_queues() -> impl Strategy<Value = QueueFault> {
    prop_oneof![5 => fault_with_equal_counts(), 2 => overwriting_fault()]
}

pub(crate) fn any_fault() -> impl Strategy<Value = QueueFault> {
    prop_oneof![
        2 => fault_with_equal_counts(),
        2 => overwriting_fault(),
        4 => prop_oneof![0..130_u32, Just(0x1_0000), any::<u32>()].prop_map(QueueFault::ReportsId),
        2 => Just(QueueFault::ReportsIdNotInFlight),
        2 => Just(QueueFault::CompletesTwice),
        4 => prop_oneof![-3..4_i16, any::<i16>()].prop_map(QueueFault::ShiftsUsedIndex),
    ]
}

/// Registers with other values. Other features make the driver use other queues.
fn register_fault() -> impl Strategy<Value = (RegisterFault, Effect)> {
    let equal = prop_oneof![
        Just(RegisterFault::ClearsFeaturesOk),
        (0..50_u32).prop_map(RegisterFault::SlowReset),
        prop_oneof![Just(0x40), Just(0x30), 0..256_u32].prop_map(RegisterFault::SetsStatusBits),
        (0..3_u32).prop_map(RegisterFault::QueueReady),
        Just(RegisterFault::GenerationAlwaysChanges),
        any::<u32>().prop_map(RegisterFault::NumPages),
        any::<u32>().prop_map(RegisterFault::Actual),
        prop_oneof![0..5_u32, any::<u32>()].prop_map(RegisterFault::HintCommand),
        Just(RegisterFault::HintCommandAlwaysChanges),
        any::<u32>().prop_map(RegisterFault::PoisonVal),
        prop_oneof![0..4_u32, any::<u32>()].prop_map(RegisterFault::SetsInterruptBits),
        Just(RegisterFault::SpuriousInterrupts),
    ];
    let different = prop_oneof![
        prop_oneof![Just(0), any::<u64>()].prop_map(RegisterFault::Features),
        prop_oneof![0..20_u32, any::<u32>()].prop_map(RegisterFault::QueueSizeMax),
    ];
    prop_oneof![
        6 => equal.prop_map(|fault| (fault, Effect::None)),
        1 => different.prop_map(|fault| (fault, Effect::Blocks)),
    ]
}

/// Mostly moves. A fault of a queue is for one buffer, for all buffers from one on, or for one queue.
pub(crate) fn turn(fault: impl Strategy<Value = QueueFault> + 'static) -> impl Strategy<Value = Turn> {
    let planned = (fault, 0..4_u8, 0..20_u64).prop_map(|(fault, when, buffer)| {
        let planned = match when {
            0 => Fault::from(fault),
            1 => fault.at(buffer).into(),
            2 => fault.starting_at(buffer).into(),
            _ => fault.on((buffer % 5) as u16).into(),
        };
        Turn::Fault { fault: planned, effect: effect_of(fault) }
    });
    let register = register_fault().prop_map(|(fault, effect)| Turn::Fault { fault: fault.into(), effect });
    prop_oneof![30 => a_move().prop_map(Turn::Move), 2 => planned, 1 => register]
}

/// The moves of [`crate::conforming`] continue after errors. Nothing panics or loops without a bound, and no frame is lost or
/// returned twice. When the faults are gone, the balloon works again.
pub(crate) fn survives<S: FrameSize, F: Declaration>(setup: &Setup, turns: &[Turn], end: End)
where
    TestPlatform<S>: Platform<F>,
{
    let mut machine = Machine::<S, F>::new(setup);
    let mut counts_differ = false;
    for turn in turns {
        match turn {
            // Errors are allowed.
            Turn::Move(it) => drop(machine.make(*it)),
            Turn::Fault { fault, effect } => {
                counts_differ |= *effect == Effect::All || *effect == Effect::Blocks && has_blocks::<F>();
                machine.inject(*fault);
            }
        }
        check(&machine, counts_differ);
    }
    machine.device.clear_faults();
    let end = match end {
        // A queue that is broken, and a balloon that is not restored: it cannot be frozen, because blocks may be in that queue.
        End::TakeApart if inflates_blocks::<F>() && machine.has_dropped_handle() => End::Drop,
        end => end,
    };
    if let (End::TakeApart, false) = (end, machine.has_dropped_handle()) {
        machine.abandon().expect("the faults are gone");
        machine.restore();
        machine.ledger.limit_frames(None);
        machine.settle();
        check(&machine, counts_differ);
        machine.end(end);
    } else {
        machine.end(end);
    }
    check(&machine, counts_differ);
}

fn check<S: FrameSize, F: Declaration>(machine: &Machine<S, F>, counts_differ: bool)
where
    TestPlatform<S>: Platform<F>,
{
    if counts_differ {
        use OwnershipViolation::{NotAllocated, UnknownDma, UnknownPrivateMemory};
        // The driver returns a frame early if the device says that it was used, but never twice.
        let is_twice =
            |one: &&OwnershipViolation| matches!(one, NotAllocated(_) | UnknownDma { .. } | UnknownPrivateMemory(_));
        assert_eq!(machine.ledger.violations().iter().find(is_twice), None);
    } else {
        machine.check_rules();
        machine.check_pages();
    }
}

macro_rules! properties {
    ($($name:ident: $size:ty, $features:ty, $fault:ident, $cases:literal;)*) => {$(
        proptest! {
            #![proptest_config(config($cases, stringify!($name)))]

            #[test]
            fn $name(setup in setup(), turns in prop::collection::vec(turn($fault()), 1..80), end in end()) {
                survives::<$size, $features>(&setup.resettable(), &turns, end);
            }
        }
    )*};
}

properties! {
    faults_with_equal_counts_with_4_kib_frames: Size4KiB, AllOptional, fault_with_equal_counts, 40;
    faults_with_equal_counts_with_64_kib_frames: Size64KiB, AllOptional, fault_with_equal_counts, 40;
    faults_with_equal_counts_with_required_features: Size4KiB, AllRequired, fault_with_equal_counts, 40;
    any_fault_with_4_kib_frames: Size4KiB, AllOptional, any_fault, 80;
    any_fault_with_64_kib_frames: Size64KiB, AllOptional, any_fault, 40;
    any_fault_with_required_features: Size4KiB, AllRequired, any_fault, 40;
    faults_of_page_queues_with_4_kib_frames: Size4KiB, OnlyMustTellHost, fault_of_page_queues, 80;
    faults_of_page_queues_with_64_kib_frames: Size64KiB, OnlyMustTellHost, fault_of_page_queues, 80;
    any_fault_of_page_queues_with_4_kib_frames: Size4KiB, OnlyMustTellHost, any_fault, 80;
    any_fault_of_page_queues_with_64_kib_frames: Size64KiB, OnlyMustTellHost, any_fault, 80;
}
