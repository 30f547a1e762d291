//! The feature sets of the balloons.

use std::convert::identity;

use aerostat_balloon::handles::{Progress, ReportingHandle};
use aerostat_balloon::ops::PendingDeflation;
use aerostat_balloon::transport::InterruptStatus;
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameSize, LiveState, NoFeatures, Options, Platform, Split, Step,
    feature, features,
};
use aerostat_device::TestPlatform;

use crate::common::{Bus, Live};
use crate::moves::Part;
use crate::setup::Setup;

/// A feature set, and the methods that exist only with some features.
pub(crate) trait Declaration: BalloonFeatureSet {
    /// Returns the options of a test case.
    fn options(setup: &Setup) -> Options<Self>;

    /// Releases frames early, if the feature set allows it. Returns their number.
    fn release_early<S: FrameSize, B: LiveState<Platform = TestPlatform<S>, Features = Self>>(
        _pending: PendingDeflation<'_, B>,
    ) -> Result<u32, BalloonError>
    where
        TestPlatform<S>: Platform<Self>,
    {
        Ok(0)
    }

    /// Deflates on OOM, if that was negotiated.
    fn deflate_on_oom<S: FrameSize, B: LiveState<Platform = TestPlatform<S>, Features = Self>>(
        _balloon: &mut Balloon<B>,
    ) -> Option<PendingDeflation<'_, B>>
    where
        TestPlatform<S>: Platform<Self>,
    {
        None
    }

    /// Takes hinted frames back, if the feature set has hinting.
    fn reclaim<S: FrameSize>(_balloon: &mut Live<S, Self>, _frames: u32) -> Result<(), BalloonError>
    where
        TestPlatform<S>: Platform<Self>,
    {
        Ok(())
    }

    /// Services a part of the balloon. Returns `None` if its feature was not negotiated.
    fn service<S: FrameSize>(
        _balloon: &mut Live<S, Self>,
        _part: Part,
        _status: InterruptStatus,
    ) -> Result<Option<Progress>, BalloonError>
    where
        TestPlatform<S>: Platform<Self>,
    {
        Ok(None)
    }

    /// Makes a step of a split balloon that can inflate blocks, if the feature set has block inflation.
    fn service_with<S: FrameSize>(
        _balloon: &mut Balloon<Split<Bus, TestPlatform<S>, Self>>,
        _reporting: &mut ReportingHandle<Bus, TestPlatform<S>, Self>,
    ) -> Option<Result<Step, BalloonError>>
    where
        TestPlatform<S>: Platform<Self>,
    {
        None
    }
}

/// Returns whether frames are returned only after the device has acknowledged their deflation.
pub(crate) fn tells_host<F: BalloonFeatureSet>() -> bool {
    F::DECLARED & aerostat_device::features::MUST_TELL_HOST != 0
}

/// Returns whether the feature set has reporting and hinting.
pub(crate) fn has_blocks<F: BalloonFeatureSet>() -> bool {
    F::DECLARED & (aerostat_device::features::PAGE_REPORTING | aerostat_device::features::FREE_PAGE_HINT) != 0
}

macro_rules! declaration {
    (release_early: true) => {
        fn release_early<S: FrameSize, B: LiveState<Platform = TestPlatform<S>, Features = Self>>(
            pending: PendingDeflation<'_, B>,
        ) -> Result<u32, BalloonError>
        where
            TestPlatform<S>: Platform<Self>,
        {
            pending.release_early()
        }
    };
    (release_early: false) => {};
    (leave_out: true, $options:ident, $setup:ident) => {
        if $setup.without_statistics {
            $options = $options.without(feature::StatsVq);
        }
        if $setup.without_hinting {
            $options = $options.without(feature::FreePageHint);
        }
    };
    (leave_out: false, $options:ident, $setup:ident) => {};
    // The options of a feature set with all features.
    (all options, $setup:ident) => {
        Options::new(Self::default())
            .max_in_flight($setup.max_in_flight)
            .oom_pages($setup.oom_pages)
            .oom_backoff($setup.oom_backoff)
            .poison_value($setup.poison)
            .report_block(1 << $setup.report)
            .hint_block(1 << $setup.hint)
    };
    // Its methods, whose results `$wrap` makes optional.
    (all methods, $wrap:ident) => {
        fn deflate_on_oom<S: FrameSize, B: LiveState<Platform = TestPlatform<S>, Features = Self>>(
            balloon: &mut Balloon<B>,
        ) -> Option<PendingDeflation<'_, B>>
        where
            TestPlatform<S>: Platform<Self>,
        {
            $wrap(balloon.deflate_on_oom())
        }

        fn reclaim<S: FrameSize>(balloon: &mut Live<S, Self>, frames: u32) -> Result<(), BalloonError>
        where
            TestPlatform<S>: Platform<Self>,
        {
            balloon.reclaim_hinted(frames).map(drop)
        }

        fn service<S: FrameSize>(
            balloon: &mut Live<S, Self>,
            part: Part,
            status: InterruptStatus,
        ) -> Result<Option<Progress>, BalloonError>
        where
            TestPlatform<S>: Platform<Self>,
        {
            match part {
                // Statistics need no further step.
                Part::Statistics => Ok($wrap(balloon.service_statistics()?).map(|_| Progress::Idle)),
                Part::Reporting => Ok($wrap(balloon.service_reporting()?)),
                Part::Hinting => Ok($wrap(balloon.service_hinting(status)?)),
            }
        }
    };
    ($name:ident, all features, $wrap:ident, leave_out: $out:ident, release_early: $early:ident) => {
        impl Declaration for $name {
            fn options(setup: &Setup) -> Options<Self> {
                #[allow(unused_mut, reason = "required features are not left out")]
                let mut options = declaration!(all options, setup);
                declaration!(leave_out: $out, options, setup);
                options
            }

            declaration!(release_early: $early);
            declaration!(all methods, $wrap);
        }
    };
    ($name:ident, no blocks, release_early: $early:ident) => {
        impl Declaration for $name {
            fn options(setup: &Setup) -> Options<Self> {
                Options::new(Self::default()).max_in_flight(setup.max_in_flight)
            }

            declaration!(release_early: $early);
        }
    };
}

pub(crate) use declaration;

features! {
    /// Every feature is used if it is offered.
    pub(crate) struct AllOptional {
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
features! {
    /// Every feature of the balloon is required.
    pub(crate) struct AllRequired {
        MustTellHost: Required,
        StatsVq: Required,
        DeflateOnOom: Required,
        FreePageHint: Required,
        PagePoison: Required,
        PageReporting: Required,
        EventIdx: Optional,
        RingPacked: Optional,
        IndirectDesc: Optional,
        InOrder: Optional,
        NotificationData: Optional,
        OrderPlatform: Optional,
        AccessPlatform: Optional,
    }
}
features! {
    /// Frames may be released early.
    pub(crate) struct WithoutMustTellHost {
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
features! {
    /// Only MUST_TELL_HOST, which is required.
    pub(crate) struct OnlyMustTellHost { MustTellHost: Required }
}
features! {
    /// Only MUST_TELL_HOST, if it is offered.
    pub(crate) struct OptionalMustTellHost { MustTellHost: Optional }
}

declaration!(AllOptional, all features, identity, leave_out: true, release_early: false);
declaration!(AllRequired, all features, Some, leave_out: false, release_early: false);
declaration!(WithoutMustTellHost, all features, identity, leave_out: true, release_early: true);
declaration!(OnlyMustTellHost, no blocks, release_early: false);
declaration!(OptionalMustTellHost, no blocks, release_early: false);
declaration!(NoFeatures, no blocks, release_early: true);
