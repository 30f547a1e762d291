//! The features that the kernel uses.

use core::fmt::{self, Display, Formatter};

use aerostat_balloon::{Options, feature};
use aerostat_guest::{Feature, Features};
use log::info;

use super::driver::Live;

aerostat_balloon::features! {
    /// What the kernel uses where the device offers it.
    pub(crate) struct KernelFeatures {
        MustTellHost: Optional,
        StatsVq: Optional,
        DeflateOnOom: Optional,
        FreePageHint: Optional,
        PagePoison: Optional,
        PageReporting: Optional,
        RingPacked: Optional,
        EventIdx: Optional,
    }
}

/// Returns the options of the balloon that the command line asks for.
pub(super) fn options(command_line: &aerostat_guest::Options) -> Options<KernelFeatures> {
    let mut options = without_unused(Options::new(KernelFeatures), command_line.features);
    options = options.poison_value(command_line.poison);
    if let Some(pause) = command_line.oom_backoff {
        options = options.oom_backoff(pause);
    }
    options
}

/// Leaves out the features that are not in `used`, even if the device offers them.
fn without_unused(mut options: Options<KernelFeatures>, used: Features) -> Options<KernelFeatures> {
    if !used.has(Feature::Tell) {
        options = options.without(feature::MustTellHost);
    }
    if !used.has(Feature::Stats) {
        options = options.without(feature::StatsVq);
    }
    if !used.has(Feature::Oom) {
        options = options.without(feature::DeflateOnOom);
    }
    if !used.has(Feature::Hint) {
        options = options.without(feature::FreePageHint);
    }
    if !used.has(Feature::Report) {
        options = options.without(feature::PageReporting);
    }
    if !used.has(Feature::Poison) {
        options = options.without(feature::PagePoison);
    }
    options
}

/// Logs the negotiated features and the numbers of their queues.
pub(super) fn log(driver: &Live) {
    let Some(accepted) = driver.accepted() else { return };
    let name = |is_accepted: bool, name: &'static str| if is_accepted { name } else { "" };
    let packed = name(accepted.has(feature::RingPacked), " packed");
    let events = name(accepted.has(feature::EventIdx), " event-idx");
    let tell = name(accepted.has(feature::MustTellHost), " tell");
    let oom = name(accepted.has(feature::DeflateOnOom), " oom");
    let poison = name(accepted.has(feature::PagePoison), " poison");
    let numbers = driver.queue_numbers();
    let stats = Queue("stats", numbers.statistics);
    let hint = Queue("hint", numbers.hinting);
    let report = Queue("report", numbers.reporting);
    info!("features:{packed}{events}{tell}{stats}{oom}{hint}{report}{poison}");
}

/// The name of a feature that has a queue, and the number of the queue if the feature was negotiated.
struct Queue(&'static str, Option<u16>);

impl Display for Queue {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self(name, Some(number)) => write!(f, " {name}=queue-{number}"),
            Self(_, None) => Ok(()),
        }
    }
}
