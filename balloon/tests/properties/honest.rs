//! The device keeps the rules.

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, FrameSize, Size4KiB, Size16KiB, Size64KiB};
use aerostat_device::BalloonDevice;
use proptest::prelude::*;

use crate::config;
use crate::machine::{Declared, Free, Machine, StatsRequest, Told};
use crate::moves::{Move, a_move};

/// Guest memory: 1 MiB that nobody uses, and a little for rings at the end.
const MEMORY: u64 = 6 << 20;
/// Pages that the host may ask for: some more than there are.
const PAGES: u32 = 1400;

/// * No frame is owned twice, and none is used before the device has acknowledged where MUST_TELL_HOST holds: the books
///   of kernel and device are compared after each move.
/// * `actual` is what the driver counts, and once all has settled what the device counts.
/// * `freeze` returns every frame.
fn holds<S: FrameSize, L: Declared>(depth: u16, queue: u32, moves: &[Move]) {
    let builder = BalloonDevice::builder().memory(MEMORY).queue_size(1 << queue).manual();
    let mut machine = Machine::<S, L>::new(builder, depth);
    for &it in moves {
        match machine.make(it) {
            Ok(()) => {}
            Err(BalloonError::Device(DeviceError::NoAnswer { .. })) if matches!(it, Move::FreezeInVain) => {}
            Err(error) => panic!("{it:?}: {error}"),
        }
        machine.check_rules();
        machine.check_pages();
        machine.check_actual();
    }
    machine.device.behave();
    machine.ledger.limit_frames(None);
    machine.settle();
    machine.device.set_target(333);
    machine.settle();
    machine.check_rules();
    machine.finish();
}

macro_rules! sizes_and_levels {
    ($($name:ident: $size:ty, $levels:ty;)*) => {
        proptest! {
            #![proptest_config(config(40))]
            $(
                #[test]
                fn $name(depth in 1..17_u16, queue in 0..8_u32, moves in prop::collection::vec(a_move(PAGES), 1..50)) {
                    holds::<$size, $levels>(depth, queue, &moves);
                }
            )*
        }
    };
}

sizes_and_levels! {
    frames_of_4_kib_where_the_host_must_be_told: Size4KiB, Told;
    frames_of_16_kib_where_the_host_must_be_told: Size16KiB, Told;
    frames_of_64_kib_where_the_host_must_be_told: Size64KiB, Told;
    frames_of_4_kib_where_the_host_is_told_if_it_wants: Size4KiB, StatsRequest;
    frames_of_4_kib_where_the_host_need_not_be_told: Size4KiB, Free;
    frames_of_16_kib_where_the_host_need_not_be_told: Size16KiB, Free;
    frames_of_64_kib_where_the_host_need_not_be_told: Size64KiB, Free;
}
