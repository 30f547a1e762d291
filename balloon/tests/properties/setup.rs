//! The device and the options of a test case.

use std::time::Duration;

use aerostat_balloon::spec::{FeatureSet, Interface};
use aerostat_balloon::transport;
use aerostat_device::{BalloonDevice, Builder, HintCommand, Numbering, Quirk, Quirks, UsedEntries, features};
use proptest::prelude::*;

use crate::blocks::inflates_blocks;

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
    scheme: Numbering,
    /// Queues behind those of the balloon.
    further_queues: u16,
    hint_command: HintCommand,
    /// What the device does in its own way.
    quirks: Quirks,
    /// The size of all queues is 2 to this power.
    queue: u32,
    /// The kernel leaves optional features out, so that devices which number their queues over other features differ.
    pub(crate) without_statistics: bool,
    pub(crate) without_hinting: bool,
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

    /// Changes the features that a device offers: always reporting if `reports`, and never MUST_TELL_HOST and a poison value other
    /// than 0 unless `keeps`.
    pub(crate) fn for_blocks(self, reports: bool, keeps: bool) -> Self {
        let reporting = if reports { features::PAGE_REPORTING } else { 0 };
        match keeps {
            true => Self { offered: self.offered | reporting, ..self },
            false => {
                let offered = (self.offered | reporting) & !features::MUST_TELL_HOST & !features::PAGE_POISON;
                Self { offered, ..self }
            }
        }
    }

    /// Returns the quirks of a device that the driver can work with.
    fn quirks<F: FeatureSet>(&self) -> Quirks {
        let mut quirks = self.quirks;
        if self.interface == Interface::Legacy {
            quirks = quirks.without(Quirk::NeedsAllQueues);
        }
        if F::REQUIRED & features::PAGE_POISON != 0 {
            quirks = quirks.without(Quirk::RefusesPoison);
        }
        if self.cannot_reset() {
            // The driver would have to probe a second time.
            quirks = [Quirk::UsedByFirmware, Quirk::NeedsAllQueues, Quirk::RefusesPoison]
                .into_iter()
                .fold(quirks, Quirks::without);
        }
        quirks
    }

    /// Returns whether a live device cannot be reset.
    pub(crate) fn cannot_reset(&self) -> bool {
        self.quirks.has(Quirk::CannotReset) || self.quirks.has(Quirk::CannotResetLive)
    }

    /// Makes it a device that can be reset.
    pub(crate) fn resettable(mut self) -> Self {
        self.quirks = self.quirks.without(Quirk::CannotReset).without(Quirk::CannotResetLive);
        self
    }

    /// Returns the numbering that a kernel sets if the driver cannot find it out.
    pub(crate) fn numbering(&self) -> transport::Numbering {
        match self.scheme {
            Numbering::Specification => transport::Numbering::Specification,
            Numbering::DenseOverOffered | Numbering::Qemu => transport::Numbering::DenseOverOffered,
            Numbering::DenseOverNegotiated => transport::Numbering::DenseOverNegotiated,
        }
    }

    /// Returns the builder of a device for the features `F`.
    pub(crate) fn builder<F: FeatureSet>(&self) -> Builder {
        let builder = match self.interface {
            Interface::Modern => BalloonDevice::builder(),
            Interface::Legacy => BalloonDevice::builder().legacy(),
        };
        let builder = if inflates_blocks::<F>() { builder.block_inflation() } else { builder };
        // Hinting needs two descriptors.
        let min = u32::from(F::DECLARED & features::FREE_PAGE_HINT != 0);
        builder
            .memory(MEMORY)
            .used_entries(self.used_entries)
            .features(self.offered::<F>() | features::VERSION_1)
            .numbering(self.scheme)
            .further_queues(self.further_queues)
            .quirks(self.quirks::<F>())
            .hint_command(self.hint_command)
            .queue_size(1 << self.queue.max(min))
            .manual()
    }
}

/// Draws quirks. Most devices can be reset.
fn quirks() -> impl Strategy<Value = Quirks> {
    let cannot_reset = prop::sample::select(vec![Quirk::CannotReset, Quirk::CannotResetLive]);
    let some = (any::<u16>().prop_map(Quirks::draw), prop::option::weighted(0.15, cannot_reset));
    let some = some.prop_map(|(quirks, cannot_reset)| {
        let quirks = quirks.without(Quirk::CannotReset).without(Quirk::CannotResetLive);
        cannot_reset.into_iter().fold(quirks, Quirks::with)
    });
    prop_oneof![Just(Quirks::NONE), some]
}

/// Draws the scheme of the queue numbers, the number of further queues, and whether the device has all numbers.
fn queues() -> impl Strategy<Value = (Numbering, u16, bool)> {
    let scheme = prop::sample::select(Numbering::ALL.to_vec());
    (scheme, prop_oneof![2 => Just(0), 1 => 1..4_u16], prop::bool::weighted(0.4))
}

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    let hint_command = prop::sample::select(vec![HintCommand::Shown, HintCommand::HiddenOnceOpened]);
    let poison = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    let backoff = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(1))];
    let rings = prop::collection::vec(prop::sample::select(RINGS.to_vec()), 0..=RINGS.len());
    let balloon = prop_oneof![2 => 0..=features::BALLOON, 1 => Just(features::BALLOON)];
    let offered = (balloon, rings)
        .prop_map(|(balloon, rings)| rings.into_iter().fold(balloon, |offered, feature| offered | feature));
    let interface = prop::sample::select(vec![Interface::Modern, Interface::Modern, Interface::Legacy]);
    let used_entries = prop::sample::select(vec![UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch]);
    let host = (offered, queues(), hint_command, 0..8_u32, interface, used_entries, quirks());
    let left_out = || prop::bool::weighted(0.3);
    let driver = (left_out(), left_out(), 1..17_u16, poison, 12..21_u32, 12..21_u32, 0..600_u32, backoff);
    (host, driver).prop_map(|(host, driver)| {
        let (offered, (scheme, further_queues, keeps_count), hint_command, queue, interface, used_entries, quirks) =
            host;
        let (without_statistics, without_hinting, max_in_flight, poison, report, hint, oom_pages, oom_backoff) = driver;
        // QEMU always offers statistics.
        let statistics = if scheme == Numbering::Qemu { features::STATS_VQ } else { 0 };
        let offered = offered | statistics;
        let quirks = match keeps_count {
            true => quirks.with(Quirk::KeepsQueueCount),
            false => quirks.without(Quirk::KeepsQueueCount),
        };
        Setup {
            offered,
            interface,
            used_entries,
            scheme,
            further_queues,
            hint_command,
            quirks,
            queue,
            without_statistics,
            without_hinting,
            max_in_flight,
            poison,
            report,
            hint,
            oom_pages,
            oom_backoff,
        }
    })
}
