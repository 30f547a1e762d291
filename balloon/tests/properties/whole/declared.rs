//! The two declarations: every feature wanted, or every one but that the host must be told.

use aerostat_balloon::spec::balloon::feature;
use aerostat_balloon::spec::{Declares, Wanted};
use aerostat_balloon::{
    AccessPlatform, Balloon, BalloonError, BalloonLevels, DeflateOnOom, Deflated, EventIdx, FrameSize, FreePageHint,
    Frozen, Handles, InOrder, IndirectDesc, LiveState, MustTellHost, NotificationData, OrderPlatform, PagePoison,
    PageReporting, Ready, RingPacked, StatsVq, features,
};
use aerostat_device::TestPlatform;

use super::Setup;
use crate::common::Bus;

/// Every feature is used where it is offered.
pub(crate) enum Everything {}
/// The host need not be told before pages are used.
pub(crate) enum Untold {}

pub(super) type Live<S, L> = Balloon<Ready<Bus, TestPlatform<S>, <L as Declared>::Levels>>;
pub(super) type Apart<S, L> = Handles<Bus, TestPlatform<S>, <L as Declared>::Levels>;
pub(super) type Cold<S, L> = Balloon<Frozen<Bus, TestPlatform<S>, <L as Declared>::Levels>>;

/// A declaration of the balloon's features.
pub(crate) trait Declared: Sized {
    /// The type that the builder infers.
    type Levels: BalloonLevels
        + Declares<StatsVq, Level = Wanted>
        + Declares<feature::DeflateOnOom, Level = Wanted>
        + Declares<feature::FreePageHint, Level = Wanted>
        + Declares<feature::PageReporting, Level = Wanted>;
    /// Whether frames come back only after the device has acknowledged that it was told.
    const TELLS: bool;
    /// Looks at a fresh device.
    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self>;
    /// Uses deflated frames without waiting, where that is allowed. How many.
    fn use_now<B: LiveState<Levels = Self::Levels>>(deflated: Deflated<'_, B>) -> Result<u32, BalloonError>;
}

macro_rules! probe {
    ($bus:ident, $platform:ident, $setup:ident $(, $more:expr)?) => {{
        let balloon = Balloon::new($bus, $platform).depth($setup.depth).hold_off($setup.hold_off);
        let balloon = balloon.want(RingPacked).want(EventIdx).want(IndirectDesc).want(InOrder);
        let balloon = balloon.want(NotificationData).want(OrderPlatform).want(AccessPlatform);
        let balloon = balloon.want(StatsVq).want(DeflateOnOom($setup.relief)).want(FreePageHint(1 << $setup.hint));
        let balloon = balloon.want(PagePoison($setup.poison)).want(PageReporting(1 << $setup.report));
        $(let balloon = balloon.want($more);)?
        balloon.probe().map_err(|failed| failed.error).expect("the device is honest at first")
    }};
}

impl Declared for Everything {
    type Levels = features! {
        MustTellHost: Wanted,
        StatsVq: Wanted,
        DeflateOnOom: Wanted,
        FreePageHint: Wanted,
        PagePoison: Wanted,
        PageReporting: Wanted,
        EventIdx: Wanted,
        RingPacked: Wanted,
        IndirectDesc: Wanted,
        InOrder: Wanted,
        NotificationData: Wanted,
        OrderPlatform: Wanted,
        AccessPlatform: Wanted,
    };
    const TELLS: bool = true;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self> {
        probe!(bus, platform, setup, MustTellHost)
    }

    fn use_now<B: LiveState<Levels = Self::Levels>>(_deflated: Deflated<'_, B>) -> Result<u32, BalloonError> {
        Ok(0)
    }
}

impl Declared for Untold {
    type Levels = features! {
        StatsVq: Wanted,
        DeflateOnOom: Wanted,
        FreePageHint: Wanted,
        PagePoison: Wanted,
        PageReporting: Wanted,
        EventIdx: Wanted,
        RingPacked: Wanted,
        IndirectDesc: Wanted,
        InOrder: Wanted,
        NotificationData: Wanted,
        OrderPlatform: Wanted,
        AccessPlatform: Wanted,
    };
    const TELLS: bool = false;

    fn probe<S: FrameSize>(bus: Bus, platform: TestPlatform<S>, setup: &Setup) -> Live<S, Self> {
        probe!(bus, platform, setup)
    }

    fn use_now<B: LiveState<Levels = Self::Levels>>(deflated: Deflated<'_, B>) -> Result<u32, BalloonError> {
        deflated.use_now()
    }
}
