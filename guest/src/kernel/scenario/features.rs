//! The features that the command line selects, and the log line that names the negotiated ones.

use core::fmt::{self, Display, Formatter};

use aerostat_balloon::transport::Numbering;
use aerostat_balloon::{Options, feature};
use aerostat_guest::{BlockInflation, Drive};
use log::info;

use crate::kernel::balloon::{Balloon, KernelFeatures};

/// Returns the options of the balloon that the command line asks for: features that it does not name are left out, even if
/// the device offers them.
pub(crate) fn options(command_line: &aerostat_guest::Options) -> Options<KernelFeatures> {
    let used = command_line.features;
    let mut options = Options::new(KernelFeatures).poison_value(command_line.poison);
    if let Some(pause) = command_line.oom_backoff {
        options = options.oom_backoff(pause);
    }
    if !used.has(feature::MustTellHost) {
        options = options.without(feature::MustTellHost);
    }
    if !used.has(feature::StatsVq) {
        options = options.without(feature::StatsVq);
    }
    if !used.has(feature::DeflateOnOom) {
        options = options.without(feature::DeflateOnOom);
    }
    if !used.has(feature::FreePageHint) {
        options = options.without(feature::FreePageHint);
    }
    if !used.has(feature::PageReporting) {
        options = options.without(feature::PageReporting);
    }
    if command_line.blocks == BlockInflation::Unused || command_line.drive == Drive::Futures {
        options = options.without(feature::BlockInflation);
    }
    if command_line.blocks == BlockInflation::DeflateEntries {
        options = options.tell_host_of_blocks();
    }
    if !used.has(feature::PagePoison) {
        options = options.without(feature::PagePoison);
    }
    if !used.has(feature::StatsVq) || !used.has(feature::FreePageHint) {
        // A device with all queues may count those of negotiated features only, and a driver cannot find out. This is QEMU.
        options = options.numbering(Numbering::DenseOverOffered);
    }
    options
}

/// Logs the negotiated features and the numbers of their queues.
pub(crate) fn log(balloon: &Balloon) {
    let Some(driver) = balloon.live() else { return };
    let Some(accepted) = driver.accepted() else { return };
    let name = |is_accepted: bool, name: &'static str| if is_accepted { name } else { "" };
    let packed = name(accepted.has(feature::RingPacked), " packed");
    let events = name(accepted.has(feature::EventIdx), " event-idx");
    let tell = name(accepted.has(feature::MustTellHost), " tell");
    let oom = name(accepted.has(feature::DeflateOnOom), " oom");
    let poison = name(accepted.has(feature::PagePoison), " poison");
    let blocks = name(driver.block_inflation().is_ok(), " blocks");
    let numbers = driver.queue_numbers();
    let stats = Queue("stats", numbers.statistics);
    let hint = Queue("hint", numbers.hinting);
    let report = Queue("report", numbers.reporting);
    info!("features:{packed}{events}{tell}{stats}{oom}{hint}{report}{blocks}{poison}");
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
