//! The feature sets of the episodes, and the calls that exist only with a feature.

use std::time::Duration;

use aerostat_balloon::handles::{Progress, ReportingHandle, StatsRequest};
use aerostat_balloon::ops::{Pause, PendingDeflation};
use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::{InterruptStatus, Numbering, Transport};
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameSize, Handles, LiveState, NoFeatures, Options, Pages, Platform,
    Ready, Reserve, Step, feature, features,
};

use crate::kernel::Kernel;
use crate::methods::Method;
use crate::world::World;

features! {
    /// Every feature, optional.
    pub(crate) struct Everything {
        MustTellHost: Optional, StatsVq: Optional, DeflateOnOom: Optional, FreePageHint: Optional, PagePoison: Optional,
        PageReporting: Optional, BlockInflation: Optional, AccessPlatform: Optional, EventIdx: Optional, InOrder: Optional,
        IndirectDesc: Optional, NotificationData: Optional, OrderPlatform: Optional, RingPacked: Optional,
    }
}

features! {
    /// The features of the balloon, all required.
    pub(crate) struct Required {
        StatsVq: Required, DeflateOnOom: Required, FreePageHint: Required, PagePoison: Required, PageReporting: Required,
        EventIdx: Optional, IndirectDesc: Optional,
    }
}

features! {
    /// The features of fast rings, required, and block inflation.
    pub(crate) struct Packed {
        RingPacked: Required, EventIdx: Required, InOrder: Optional, PageReporting: Optional, BlockInflation: Optional,
    }
}

features! {
    /// The device acknowledges a deflation before its pages are used.
    pub(crate) struct TellHost { MustTellHost: Required, PageReporting: Required, IndirectDesc: Required, InOrder: Optional }
}

/// A feature set of the episodes.
pub(crate) trait Declared: BalloonFeatureSet + Copy + 'static {
    /// The set.
    const VALUE: Self;
    /// The features that a device must offer, so that it becomes live.
    const NEEDS: u64;

    /// Chooses the options that depend on a feature.
    fn with_features(options: Options<Self>, world: &mut World) -> Options<Self>;

    /// Answers a request for statistics.
    fn statistics<T: Transport, S: FrameSize>(
        balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
    ) -> Option<Result<Option<StatsRequest>, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Reports free blocks.
    fn reporting<T: Transport, S: FrameSize>(
        balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
    ) -> Option<Result<Option<Progress>, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Hints free blocks.
    fn hinting<T: Transport, S: FrameSize>(
        balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
        status: InterruptStatus,
    ) -> Option<Result<Option<Progress>, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Takes hinted blocks back.
    fn reclaim<T: Transport, S: FrameSize>(
        balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
        frames: u32,
    ) -> Option<Result<Option<u32>, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Deflates because the kernel is out of memory.
    fn oom<L: LiveState<Features = Self>>(balloon: &mut Balloon<L>) -> Option<PendingDeflation<'_, L>>;

    /// Returns whether block inflation is in use.
    fn block_inflation<L: LiveState<Features = Self>>(balloon: &Balloon<L>) -> bool;

    /// Returns the pages that are in the balloon as blocks.
    fn held_in_blocks<L: LiveState<Features = Self>>(balloon: &Balloon<L>) -> Pages;

    /// Takes the handle for reporting out, if the set permits a balloon without it.
    fn take_reporting<T: Transport, S: FrameSize>(
        handles: &mut Handles<T, Kernel<S>, Self>,
    ) -> Option<ReportingHandle<T, Kernel<S>, Self>>
    where
        Kernel<S>: Platform<Self>;

    /// Makes a step of a split balloon with the handle for reporting, or retries after a pause. `None` without block inflation or the handle.
    fn service_with<T: Transport, S: FrameSize>(
        handles: &mut Handles<T, Kernel<S>, Self>,
        pause: Option<Pause>,
    ) -> Option<Result<Step, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Whether frames may go back before the host has answered.
    const CAN_RELEASE_EARLY: bool;

    /// Returns frames before the host has answered, if the set permits that.
    fn release_early<L: LiveState<Features = Self>>(pending: PendingDeflation<'_, L>) -> Result<u32, BalloonError>;
}

/// Chooses the options that do not depend on a feature.
pub(crate) fn options<F: Declared>(world: &mut World, numbering: Numbering) -> Options<F> {
    let World { choices, coverage, .. } = world;
    coverage.called(Method::OptionsNew);
    let mut options = Options::new(F::VALUE);
    if choices.chance(3, 4) {
        coverage.called(Method::MaxInFlight);
        options = options.max_in_flight(choices.pick(&[1, 2, 16, 16]));
    }
    if numbering != Numbering::Automatic {
        coverage.called(Method::SetNumbering);
        options = options.numbering(numbering);
    }
    if choices.chance(1, 2) {
        coverage.called(Method::SetReserve);
        options = options.reserve(choices.pick(&[Reserve::None, Reserve::Frames(20), Reserve::Percent(10)]));
    }
    if choices.chance(1, 4) {
        coverage.called(Method::RetryAfter);
        options = options.retry_after(choices.pick(&PAUSES));
    }
    F::with_features(options, world)
}

/// Pauses that a kernel sets.
const PAUSES: [Duration; 4] = [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(1 << 40), Duration::MAX];

/// A call that needs the feature, or `None` without it.
macro_rules! if_declared {
    (yes, $feature:ident, $call:expr) => {
        Some($call.map(|value| RequirementOf::<Self, feature::$feature>::into_option(value)))
    };
    (no, $feature:ident, $call:expr) => {
        None
    };
}

/// The value of a call that needs the feature, or `None` without it.
macro_rules! value_if_declared {
    (yes, $feature:ident, $call:expr) => {
        RequirementOf::<Self, feature::$feature>::into_option($call)
    };
    (no, $feature:ident, $call:expr) => {
        None
    };
}

/// An option that needs a feature, in `$eighths` of 8 episodes.
macro_rules! option_if_declared {
    (yes, $options:ident, $world:ident, $eighths:literal, $method:ident, $set:expr) => {
        if $world.choices.chance($eighths, 8) {
            $world.coverage.called(Method::$method);
            $options = $set;
        }
    };
    (no, $options:ident, $world:ident, $eighths:literal, $method:ident, $set:expr) => {};
}

macro_rules! take {
    (yes, $handles:ident) => {
        $handles.reporting.take()
    };
    (no, $handles:ident) => {
        None
    };
}

macro_rules! with_handle {
    (yes, $handles:ident, $pause:ident) => {{
        let Handles { balloon, reporting, .. } = $handles;
        reporting.as_mut().map(|reporting| match $pause {
            Some(pause) => balloon.retry_with(pause, reporting),
            None => balloon.service_with(reporting),
        })
    }};
    (no, $handles:ident, $pause:ident) => {
        None
    };
}

/// The value of a call that needs the feature, or another value without it.
macro_rules! value_or {
    (yes, $call:expr, $other:expr) => {
        $call
    };
    (no, $call:expr, $other:expr) => {
        $other
    };
}

macro_rules! declared {
    ($set:ident, $needs:expr, stats: $stats:tt, report: $report:tt, blocks: $blocks:tt, hint: $hint:tt, poison: $poison:tt,
        oom: $oom:tt, early: $early:tt, take: $take:tt, without: [$($without:ident)*]) => {
        #[allow(unused_mut, unused_variables, reason = "some sets have no features")]
        impl Declared for $set {
            const VALUE: Self = $set;
            const NEEDS: u64 = $needs;
            const CAN_RELEASE_EARLY: bool = value_or!($early, true, false);

            fn with_features(options: Options<Self>, world: &mut World) -> Options<Self> {
                let mut options = options;
                $(if world.choices.chance(1, 6) {
                    world.coverage.called(Method::Without);
                    options = options.without(feature::$without);
                })*
                option_if_declared!($report, options, world, 7, ReportBlock,
                    options.report_block(4096 << world.choices.below(7)));
                option_if_declared!($hint, options, world, 7, HintBlock, options.hint_block(4096 << world.choices.below(7)));
                option_if_declared!($poison, options, world, 7, PoisonValue,
                    options.poison_value(world.choices.pick(&[0, 0xaaaa_aaaa])));
                option_if_declared!($oom, options, world, 7, OomPages,
                    options.oom_pages(world.choices.pick(&[0, 1, 40, 300])));
                option_if_declared!($oom, options, world, 7, OomBackoff, options.oom_backoff(world.choices.pick(&PAUSES)));
                option_if_declared!($blocks, options, world, 3, TellHostOfBlocks, options.tell_host_of_blocks());
                options
            }

            fn statistics<T: Transport, S: FrameSize>(
                balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
            ) -> Option<Result<Option<StatsRequest>, BalloonError>> {
                if_declared!($stats, StatsVq, balloon.service_statistics())
            }

            fn reporting<T: Transport, S: FrameSize>(
                balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
            ) -> Option<Result<Option<Progress>, BalloonError>> {
                if_declared!($report, PageReporting, balloon.service_reporting())
            }

            fn hinting<T: Transport, S: FrameSize>(
                balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
                status: InterruptStatus,
            ) -> Option<Result<Option<Progress>, BalloonError>> {
                if_declared!($hint, FreePageHint, balloon.service_hinting(status))
            }

            fn reclaim<T: Transport, S: FrameSize>(
                balloon: &mut Balloon<Ready<T, Kernel<S>, Self>>,
                frames: u32,
            ) -> Option<Result<Option<u32>, BalloonError>> {
                if_declared!($hint, FreePageHint, balloon.reclaim_hinted(frames))
            }

            fn oom<L: LiveState<Features = Self>>(balloon: &mut Balloon<L>) -> Option<PendingDeflation<'_, L>> {
                value_if_declared!($oom, DeflateOnOom, balloon.deflate_on_oom())
            }

            fn block_inflation<L: LiveState<Features = Self>>(balloon: &Balloon<L>) -> bool {
                value_or!($blocks, balloon.block_inflation().is_ok(), false)
            }

            fn held_in_blocks<L: LiveState<Features = Self>>(balloon: &Balloon<L>) -> Pages {
                value_or!($blocks, balloon.held_in_blocks(), Pages(0))
            }

            fn take_reporting<T: Transport, S: FrameSize>(
                handles: &mut Handles<T, Kernel<S>, Self>,
            ) -> Option<ReportingHandle<T, Kernel<S>, Self>> {
                take!($take, handles)
            }

            fn service_with<T: Transport, S: FrameSize>(
                handles: &mut Handles<T, Kernel<S>, Self>,
                pause: Option<Pause>,
            ) -> Option<Result<Step, BalloonError>> {
                with_handle!($blocks, handles, pause)
            }

            fn release_early<L: LiveState<Features = Self>>(pending: PendingDeflation<'_, L>) -> Result<u32, BalloonError> {
                value_or!($early, pending.release_early(), Ok(0))
            }
        }
    };
}

declared!(NoFeatures, 0, stats: no, report: no, blocks: no, hint: no, poison: no, oom: no, early: yes, take: no, without: []);
declared!(Everything, 0, stats: yes, report: yes, blocks: yes, hint: yes, poison: yes, oom: yes, early: no, take: yes,
    without: [MustTellHost StatsVq FreePageHint PagePoison PageReporting BlockInflation AccessPlatform EventIdx InOrder IndirectDesc RingPacked]);
declared!(Required, 0b11_1110, stats: yes, report: yes, blocks: no, hint: yes, poison: yes, oom: yes, early: yes, take: no, without: [EventIdx]);
declared!(Packed, 1 << 34 | 1 << 29, stats: no, report: yes, blocks: yes, hint: no, poison: no, oom: no, early: yes, take: yes, without: [InOrder]);
declared!(TellHost, 1 | 1 << 5 | 1 << 28, stats: no, report: yes, blocks: no, hint: no, poison: no, oom: no, early: no, take: no, without: [InOrder]);
