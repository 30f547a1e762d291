//! Which features the kernel wants, as types.

use core::fmt::{self, Display, Formatter};

use aerostat_balloon::spec::balloon::feature;
use aerostat_balloon::spec::{HasFeature, Optional};
use aerostat_balloon::{BalloonFeatureSet, EventIdx, RingPacked, StatsVq, features};
use log::info;

use super::Driver;

/// What the kernel wants unless told otherwise.
#[cfg(not(feature = "lean"))]
pub(crate) type AllButPoison = features! {
    RingPacked: Optional, EventIdx: Optional, MustTellHost: Optional, StatsVq: Optional, DeflateOnOom: Optional,
    FreePageHint: Optional, PageReporting: Optional,
};

/// What it wants when told so.
pub(crate) type All = features! {
    RingPacked: Optional, EventIdx: Optional, MustTellHost: Optional, StatsVq: Optional, DeflateOnOom: Optional,
    FreePageHint: Optional, PageReporting: Optional,
    PagePoison: Optional,
};

/// A declaration that wants all that this kernel makes use of: what is written once for both of them is written for any
/// such declaration.
pub(crate) trait Wants:
    BalloonFeatureSet
    + HasFeature<StatsVq, Requirement = Optional>
    + HasFeature<feature::DeflateOnOom, Requirement = Optional>
    + HasFeature<feature::FreePageHint, Requirement = Optional>
    + HasFeature<feature::PageReporting, Requirement = Optional>
{
}

impl<L> Wants for L where
    L: BalloonFeatureSet
        + HasFeature<StatsVq, Requirement = Optional>
        + HasFeature<feature::DeflateOnOom, Requirement = Optional>
        + HasFeature<feature::FreePageHint, Requirement = Optional>
        + HasFeature<feature::PageReporting, Requirement = Optional>
{
}

/// Says what was negotiated, and which queues there are.
pub(super) fn introduce<L: Wants>(driver: &mut Driver<L>) {
    let accepted = driver.accepted();
    let flag = |is: bool, name: &'static str| if is { name } else { "" };
    let packed = flag(accepted.has(RingPacked), " packed");
    let events = flag(accepted.has(EventIdx), " event-idx");
    let tell = flag(accepted.has(feature::MustTellHost), " tell");
    let oom = flag(accepted.has(feature::DeflateOnOom), " oom");
    let poison = flag(accepted.has(feature::PagePoison), " poison");
    let stats = Queue("stats", driver.stats().map(|stats| stats.number()));
    let hint = Queue("hint", driver.hinting().map(|hinting| hinting.number()));
    let report = Queue("report", driver.reporting().map(|reporting| reporting.number()));
    info!("features:{packed}{events}{tell}{stats}{oom}{hint}{report}{poison}");
}

/// A feature that has a queue, and the number of that if it was negotiated.
struct Queue(&'static str, Option<u16>);

impl Display for Queue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self(name, Some(number)) => write!(f, " {name}=queue-{number}"),
            Self(_, None) => Ok(()),
        }
    }
}
