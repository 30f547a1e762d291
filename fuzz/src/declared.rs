//! The feature sets of the episodes, and the calls that exist only with a feature.

use aerostat_balloon::handles::{Progress, ReportingHandle, StatsRequest};
use aerostat_balloon::ops::PendingDeflation;
use aerostat_balloon::spec::{Requirement, RequirementOf};
use aerostat_balloon::transport::{InterruptStatus, Numbering, Transport};
use aerostat_balloon::{
    Balloon, BalloonError, BalloonFeatureSet, FrameSize, Handles, LiveState, NoFeatures, Options, Platform, Ready,
    Reserve, Step, feature, features,
};

use crate::choices::Choices;
use crate::kernel::Kernel;

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
    /// The host is told before pages are used.
    pub(crate) struct TellHost { MustTellHost: Required, PageReporting: Required, IndirectDesc: Required, InOrder: Optional }
}

/// A feature set of the episodes.
pub(crate) trait Declared: BalloonFeatureSet + Copy + 'static {
    /// The set.
    const VALUE: Self;
    /// The features that a device must offer, so that it becomes live.
    const NEEDS: u64;

    /// Chooses the options that depend on a feature.
    fn with_features(options: Options<Self>, choices: &mut Choices) -> Options<Self>;

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

    /// Takes the handle for reporting out, if the set permits a balloon without it.
    fn take_reporting<T: Transport, S: FrameSize>(
        handles: &mut Handles<T, Kernel<S>, Self>,
    ) -> Option<ReportingHandle<T, Kernel<S>, Self>>
    where
        Kernel<S>: Platform<Self>;

    /// Makes a step of a split balloon with the handle for reporting. `None` without block inflation or the handle.
    fn service_with<T: Transport, S: FrameSize>(
        handles: &mut Handles<T, Kernel<S>, Self>,
    ) -> Option<Result<Step, BalloonError>>
    where
        Kernel<S>: Platform<Self>;

    /// Returns frames before the host has answered. `None` if the set does not permit that.
    fn release_early<L: LiveState<Features = Self>>(
        pending: PendingDeflation<'_, L>,
    ) -> Option<Result<u32, BalloonError>>;
}

/// Chooses the options that do not depend on a feature.
pub(crate) fn options<F: Declared>(choices: &mut Choices, numbering: Numbering) -> Options<F> {
    let options = Options::new(F::VALUE)
        .max_in_flight(choices.pick(&[1, 2, 16, 16]))
        .numbering(numbering)
        .reserve(choices.pick(&[Reserve::None, Reserve::None, Reserve::Frames(20), Reserve::Percent(10)]));
    F::with_features(options, choices)
}

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

/// An option that needs a feature.
macro_rules! option_if_declared {
    (yes, $options:ident, $set:expr) => {
        $options = $set;
    };
    (no, $options:ident, $set:expr) => {};
}

macro_rules! early {
    (yes, $pending:ident) => {
        Some($pending.release_early())
    };
    (no, $pending:ident) => {{
        drop($pending);
        None
    }};
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
    (yes, $handles:ident) => {{
        let Handles { balloon, reporting, .. } = $handles;
        reporting.as_mut().map(|reporting| balloon.service_with(reporting))
    }};
    (no, $handles:ident) => {
        None
    };
}

macro_rules! declared {
    ($set:ident, $needs:expr, stats: $stats:tt, report: $report:tt, blocks: $blocks:tt, hint: $hint:tt, poison: $poison:tt,
        oom: $oom:tt, early: $early:tt, take: $take:tt, without: [$($without:ident)*]) => {
        #[allow(unused_mut, unused_variables, reason = "some sets have no features")]
        impl Declared for $set {
            const VALUE: Self = $set;
            const NEEDS: u64 = $needs;

            fn with_features(options: Options<Self>, choices: &mut Choices) -> Options<Self> {
                let mut options = options;
                $(if choices.chance(1, 6) {
                    options = options.without(feature::$without);
                })*
                option_if_declared!($report, options, options.report_block(4096 << choices.below(7)));
                option_if_declared!($hint, options, options.hint_block(4096 << choices.below(7)));
                option_if_declared!($poison, options, options.poison_value(choices.pick(&[0, 0xaaaa_aaaa])));
                option_if_declared!($oom, options, options.oom_pages(choices.pick(&[0, 1, 40, 300])));
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

            fn take_reporting<T: Transport, S: FrameSize>(
                handles: &mut Handles<T, Kernel<S>, Self>,
            ) -> Option<ReportingHandle<T, Kernel<S>, Self>> {
                take!($take, handles)
            }

            fn service_with<T: Transport, S: FrameSize>(
                handles: &mut Handles<T, Kernel<S>, Self>,
            ) -> Option<Result<Step, BalloonError>> {
                with_handle!($blocks, handles)
            }

            fn release_early<L: LiveState<Features = Self>>(
                pending: PendingDeflation<'_, L>,
            ) -> Option<Result<u32, BalloonError>> {
                early!($early, pending)
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
