//! The device follows the protocol.

use aerostat_balloon::transport::DeviceError;
use aerostat_balloon::{BalloonError, FrameSize, NoFeatures, Platform, Size4KiB, Size16KiB, Size64KiB};
use aerostat_device::TestPlatform;
use proptest::prelude::*;

use crate::config;
use crate::declarations::{
    AllOptional, AllRequired, Declaration, OnlyMustTellHost, OptionalMustTellHost, WithoutMustTellHost,
};
use crate::machine::{End, Machine};
use crate::moves::{Move, a_move};
use crate::setup::{Setup, setup};

/// * No frame is owned twice, and none is used before the device has acknowledged its deflation: the pages of device and
///   kernel are compared after each move.
/// * `actual` is what the driver counts. When all is done, device and kernel count the same.
/// * `freeze` returns every frame, and a dropped handle loses none.
pub(crate) fn check<S: FrameSize, F: Declaration>(setup: &Setup, moves: &[Move], end: End)
where
    TestPlatform<S>: Platform<F>,
{
    let mut machine = Machine::<S, F>::new(setup);
    for &it in moves {
        let was_abandoned = machine.is_abandoned();
        match machine.make(it) {
            Ok(()) => {}
            Err(BalloonError::Device(DeviceError::NoAnswer { .. })) if matches!(it, Move::FreezeWithoutWaiting) => {}
            Err(BalloonError::NotLive | BalloonError::Device(DeviceError::Resetting)) if was_abandoned => {}
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
    machine.end(end);
    machine.check_rules();
}

pub(crate) fn end() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::TakeApart, End::Drop, End::DropHandlesFirst, End::PowerOff])
}

macro_rules! properties {
    ($($name:ident: $size:ty, $features:ty;)*) => {
        $(
            proptest! {
                #![proptest_config(config(40, stringify!($name)))]

                #[test]
                fn $name(setup in setup(), moves in prop::collection::vec(a_move(), 1..80), end in end()) {
                    check::<$size, $features>(&setup, &moves, end);
                }
            }
        )*
    };
}

properties! {
    all_optional_features_with_4_kib_frames: Size4KiB, AllOptional;
    all_optional_features_with_16_kib_frames: Size16KiB, AllOptional;
    all_optional_features_with_64_kib_frames: Size64KiB, AllOptional;
    all_required_features_with_4_kib_frames: Size4KiB, AllRequired;
    without_must_tell_host_with_4_kib_frames: Size4KiB, WithoutMustTellHost;
    without_must_tell_host_with_64_kib_frames: Size64KiB, WithoutMustTellHost;
    required_must_tell_host_with_4_kib_frames: Size4KiB, OnlyMustTellHost;
    required_must_tell_host_with_16_kib_frames: Size16KiB, OnlyMustTellHost;
    required_must_tell_host_with_64_kib_frames: Size64KiB, OnlyMustTellHost;
    optional_must_tell_host_with_4_kib_frames: Size4KiB, OptionalMustTellHost;
    no_features_with_4_kib_frames: Size4KiB, NoFeatures;
    no_features_with_16_kib_frames: Size16KiB, NoFeatures;
    no_features_with_64_kib_frames: Size64KiB, NoFeatures;
}
