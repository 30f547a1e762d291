//! The device and the options of a test case.

use std::time::Duration;

use aerostat_balloon::spec::{FeatureSet, Interface};
use aerostat_device::{BalloonDevice, Builder, HintCommand, Numbering, Quirk, Quirks, UsedEntries, features};
use proptest::prelude::*;

/// Bytes of guest memory: 1 MiB that is not used, frames, and memory for rings at the end.
const MEMORY: u64 = 6 << 20;
/// The highest target in pages: more than guest memory has.
pub(crate) const PAGES: u32 = 1400;
/// Features of rings that a device may offer.
const RINGS: [u64; 7] = [
    features::EVENT_IDX,
    features::RING_PACKED,
    features::INDIRECT_DESC,
    features::IN_ORDER,
    features::NOTIFICATION_DATA,
    features::ORDER_PLATFORM,
    features::ACCESS_PLATFORM,
];
/// Tags and values of the statistics at the time of the probe.
pub(crate) const STATISTICS: [(u16, u64); 3] = [(0, 1), (4, 2), (15, 3)];

/// What a device offers, and the options of the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    offered: u64,
    interface: Interface,
    /// How a device with IN_ORDER writes used entries.
    used_entries: UsedEntries,
    numbering: Numbering,
    hint_command: HintCommand,
    /// What the device does in its own way.
    quirks: Quirks,
    /// The size of all queues is 2 to this power.
    queue: u32,
    pub(crate) max_in_flight: u16,
    pub(crate) poison: u32,
    /// Blocks have 2 to this power bytes.
    pub(crate) report: u32,
    pub(crate) hint: u32,
    pub(crate) oom_pages: u32,
    pub(crate) oom_backoff: Duration,
}

impl Setup {
    /// Returns the features that the device offers: at least those that the driver requires. A device that offers
    /// ACCESS_PLATFORM does not work without it.
    pub(crate) fn offered<F: FeatureSet>(&self) -> u64 {
        (self.offered | F::REQUIRED) & (F::DECLARED | !features::ACCESS_PLATFORM)
    }

    /// Returns the builder of a device for the features `F`.
    pub(crate) fn builder<F: FeatureSet>(&self) -> Builder {
        let builder = match self.interface {
            Interface::Modern => BalloonDevice::builder(),
            Interface::Legacy => BalloonDevice::builder().legacy(),
        };
        // The driver cannot work with these devices, and has tests of its own for them.
        let mut quirks = [Quirk::FailsActivation, Quirk::CannotReset, Quirk::CannotResetLive, Quirk::KeepsQueueCount]
            .into_iter()
            .fold(self.quirks, Quirks::without);
        if self.interface == Interface::Legacy {
            quirks = quirks.without(Quirk::NeedsAllQueues);
        }
        if F::REQUIRED & features::PAGE_POISON != 0 {
            quirks = quirks.without(Quirk::RefusesPoison);
        }
        // Hinting needs two descriptors.
        let min = u32::from(F::DECLARED & features::FREE_PAGE_HINT != 0);
        builder
            .memory(MEMORY)
            .used_entries(self.used_entries)
            .features(self.offered::<F>() | features::VERSION_1)
            .numbering(self.numbering)
            .quirks(quirks)
            .hint_command(self.hint_command)
            .queue_size(1 << self.queue.max(min))
            .manual()
    }
}

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    let numbering = prop::sample::select(vec![Numbering::Specification, Numbering::DenseOverOffered, Numbering::Qemu]);
    let hint_command = prop::sample::select(vec![HintCommand::Shown, HintCommand::HiddenOnceOpened]);
    let poison = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    let backoff = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(1))];
    let rings = prop::collection::vec(prop::sample::select(RINGS.to_vec()), 0..=RINGS.len());
    let offered = (0..=features::BALLOON, rings)
        .prop_map(|(balloon, rings)| rings.into_iter().fold(balloon, |offered, feature| offered | feature));
    let interface = prop::sample::select(vec![Interface::Modern, Interface::Modern, Interface::Legacy]);
    let used_entries = prop::sample::select(vec![UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch]);
    let quirks = prop_oneof![Just(Quirks::NONE), any::<u16>().prop_map(Quirks::draw)];
    let host = (offered, numbering, hint_command, 0..8_u32, interface, used_entries, quirks);
    let driver = (1..17_u16, poison, 12..21_u32, 12..21_u32, 0..600_u32, backoff);
    (host, driver).prop_map(|(host, driver)| {
        let (offered, numbering, hint_command, queue, interface, used_entries, quirks) = host;
        let (max_in_flight, poison, report, hint, oom_pages, oom_backoff) = driver;
        // QEMU always offers statistics.
        let statistics = if numbering == Numbering::Qemu { features::STATS_VQ } else { 0 };
        let offered = offered | statistics;
        Setup {
            offered,
            interface,
            used_entries,
            numbering,
            hint_command,
            quirks,
            queue,
            max_in_flight,
            poison,
            report,
            hint,
            oom_pages,
            oom_backoff,
        }
    })
}
