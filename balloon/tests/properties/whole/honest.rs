//! The device keeps the rules.

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, FrameSize, Size4KiB, Size16KiB, Size64KiB};
use proptest::prelude::*;

use super::declared::{Declared, Everything, Untold};
use super::machine::Machine;
use super::moves::{Move, a_move};
use super::{Setup, setup};
use crate::config;

/// * No frame is owned twice, and none is used before the device is done with it: the books of kernel and device are
///   compared after each move.
/// * `actual` is what the driver counts; once all has settled, what the device counts and what the kernel accounts too.
/// * `freeze` returns everything; dropping parts loses no frame.
fn holds<S: FrameSize, L: Declared>(setup: &Setup, moves: &[Move], drops: bool) {
    let mut machine = Machine::<S, L>::new(setup);
    for &it in moves {
        match machine.make(it) {
            Ok(()) => {}
            Err(BalloonError::Device(DeviceError::NoAnswer { .. })) if matches!(it, Move::FreezeInVain) => {}
            Err(error) => panic!("{it:?}: {error}"),
        }
        machine.check_rules();
        machine.check_pages();
        machine.check_sizes();
        machine.check_statistics();
    }
    machine.ledger.limit_frames(None);
    machine.settle();
    machine.device.set_target(333);
    machine.settle();
    machine.check_rules();
    if drops {
        machine.drop_balloon();
    } else {
        machine.finish();
    }
}

macro_rules! sizes_and_levels {
    ($($name:ident: $size:ty, $levels:ty;)*) => {
        proptest! {
            #![proptest_config(config(40))]
            $(
                #[test]
                fn $name(setup in setup(), moves in prop::collection::vec(a_move(), 1..80), drops: bool) {
                    holds::<$size, $levels>(&setup, &moves, drops);
                }
            )*
        }
    };
}

sizes_and_levels! {
    everything_with_frames_of_4_kib: Size4KiB, Everything;
    everything_with_frames_of_16_kib: Size16KiB, Everything;
    everything_with_frames_of_64_kib: Size64KiB, Everything;
    everything_with_frames_of_4_kib_that_are_used_at_once: Size4KiB, Untold;
    everything_with_frames_of_64_kib_that_are_used_at_once: Size64KiB, Untold;
}
