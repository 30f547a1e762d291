//! The two declarations: every feature wanted, or every one but that the host must be told.

use aerostat_balloon::spec::balloon::feature;
use aerostat_balloon::spec::{HasFeature, Optional};
use aerostat_balloon::{
    AccessPlatform, Balloon, BalloonError, BalloonFeatureSet, DeflateOnOom, EventIdx, FrameSize, FreePageHint, Frozen,
    Handles, InOrder, IndirectDesc, LiveState, MustTellHost, NotificationData, OrderPlatform, PagePoison,
    PageReporting, PendingDeflation, Ready, RingPacked, StatsVq, features,
};
use aerostat_device::TestPlatform;

use super::Setup;
use crate::common::Bus;

/// Every feature is used where it is offered.
pub(crate) enum Everything {}
/// The host need not be told before pages are used.
pub(crate) enum Untold {}

pub(super) type Live<S, L> = Balloon<Ready<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>>;
pub(super) type Apart<S, L> = Handles<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>;
pub(super) type Cold<S, L> = Balloon<Frozen<Bus, TestPlatform<S>, <L as Declared>::FeaturePair>>;

/// A declaration of the balloon's features.
pub(crate) trait Declared: Sized {
    /// The type that the builder infers.
    type FeaturePair: BalloonFeatureSet
        + HasFeature<StatsVq, Requirement = Optional>
        + HasFeature<feature::DeflateOnOom, Requirement = Optional>
        + HasFeature<feature::FreePageHint, Requirement = Optional>
        + HasFeature<feature::PageReporting, Requirement = Optional>;
    /// Whether frames come back only after the device has acknowledged that it was told.
    const TELLS: bool;
    /// Looks at a fresh device.
    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self>;
    /// Uses deflated frames without waiting, where that is allowed. How many.
    fn release_early<B: LiveState<FeaturePair = Self::FeaturePair>>(
        deflated: PendingDeflation<'_, B>,
    ) -> Result<u32, BalloonError>;
}

macro_rules! probe {
    ($bus:ident, $platform:ident, $setup:ident $(, $more:expr)?) => {{
        let balloon = Balloon::new($bus, $platform).depth($setup.depth).oom_backoff($setup.hold_off);
        let balloon = balloon.want(RingPacked).want(EventIdx).want(IndirectDesc).want(InOrder);
        let balloon = balloon.want(NotificationData).want(OrderPlatform).want(AccessPlatform);
        let balloon = balloon.want(StatsVq).want(DeflateOnOom($setup.relief)).want(FreePageHint(1 << $setup.hint));
        let balloon = balloon.want(PagePoison($setup.poison)).want(PageReporting(1 << $setup.report));
        $(let balloon = balloon.want($more);)?
        balloon.probe().map_err(|failed| failed.error).expect("the device is honest at first")
    }};
}

impl Declared for Everything {
    type FeaturePair = features! {
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
    };
    const TELLS: bool = true;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self> {
        probe!(bus, platform, setup, MustTellHost)
    }

    fn release_early<B: LiveState<FeaturePair = Self::FeaturePair>>(
        _deflated: PendingDeflation<'_, B>,
    ) -> Result<u32, BalloonError> {
        Ok(0)
    }
}

impl Declared for Untold {
    type FeaturePair = features! {
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
    };
    const TELLS: bool = false;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self> {
        probe!(bus, platform, setup)
    }

    fn release_early<B: LiveState<FeaturePair = Self::FeaturePair>>(
        deflated: PendingDeflation<'_, B>,
    ) -> Result<u32, BalloonError> {
        deflated.release_early()
    }
}
