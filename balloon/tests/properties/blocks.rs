//! Block inflation: the sequences of [`crate::conforming`] and [`crate::misbehaving`] with a kernel that declares it.
//!
//! The device may offer MUST_TELL_HOST or a poison value, and then the balloon uses arrays alone. Where it does not, every page is
//! checked as with MUST_TELL_HOST, because this kernel releases no frame early.

use std::convert::identity;

use aerostat_balloon::handles::{Progress, ReportingHandle};
use aerostat_balloon::ops::PendingDeflation;
use aerostat_balloon::spec::{Feature, FeatureSet};
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{
    Balloon, BalloonError, FrameSize, LiveState, Options, Platform, Size4KiB, Size64KiB, Split, Step, feature, features,
};
use aerostat_device::TestPlatform;
use proptest::prelude::*;

use crate::common::{Bus, Live};
use crate::config;
use crate::conforming::{check, end};
use crate::declarations::{Declaration, declaration};
use crate::misbehaving::{any_fault, survives, turn};
use crate::moves::{Part, a_move};
use crate::setup::{Setup, setup};

/// Returns whether the feature set has block inflation.
pub(crate) fn inflates_blocks<F: FeatureSet>() -> bool {
    F::DECLARED & 1 << feature::BlockInflation::BIT != 0
}

features! {
    /// Every feature is used if it is offered, and blocks are inflated.
    pub(crate) struct WithBlocks {
        BlockInflation: Optional,
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        EventIdx: Optional,
        RingPacked: Optional,
        IndirectDesc: Optional,
        InOrder: Optional,
        NotificationData: Optional,
        OrderPlatform: Optional,
        AccessPlatform: Optional,
    }
}

impl Declaration for WithBlocks {
    fn options(setup: &Setup) -> Options<Self> {
        let options = declaration!(all options, setup);
        // Drawn from a value that does not matter otherwise.
        if setup.hint.is_multiple_of(4) { options.tell_host_of_blocks() } else { options }
    }

    declaration!(all methods, identity);

    fn service_with<S: FrameSize>(
        balloon: &mut Balloon<Split<Bus, TestPlatform<S>, Self>>,
        reporting: &mut ReportingHandle<Bus, TestPlatform<S>, Self>,
    ) -> Option<Result<Step, BalloonError>>
    where
        TestPlatform<S>: Platform<Self>,
    {
        Some(balloon.service_with(reporting))
    }
}

/// Draws a device on which blocks are inflated more often than not.
fn block_setup() -> impl Strategy<Value = Setup> {
    (setup(), any::<bool>(), any::<bool>()).prop_map(|(setup, reports, keeps)| setup.for_blocks(reports, keeps))
}

macro_rules! properties {
    ($($name:ident: $size:ty;)*) => {$(
        proptest! {
            #![proptest_config(config(120, stringify!($name)))]

            #[test]
            fn $name(setup in block_setup(), moves in prop::collection::vec(a_move(), 1..80), end in end()) {
                check::<$size, WithBlocks>(&setup, &moves, end);
            }
        }
    )*};
}

properties! {
    blocks_with_4_kib_frames: Size4KiB;
    blocks_with_64_kib_frames: Size64KiB;
}

proptest! {
    #![proptest_config(config(120, "blocks_and_any_fault"))]

    #[test]
    fn blocks_and_any_fault(
        setup in block_setup(),
        turns in prop::collection::vec(turn(any_fault()), 1..80),
        end in end(),
    ) {
        survives::<Size4KiB, WithBlocks>(&setup.resettable(), &turns, end);
    }
}
