//! All features at once: whichever a device offers, however it numbers its queues.
//!
//! * [`honest`]: the device keeps the rules.
//! * [`misbehaving`]: it breaks them on any of its queues.

mod balloon;
mod declared;
mod honest;
mod machine;
mod misbehaving;
mod moves;

use std::time::Duration;

use aerostat_balloon::spec::Interface;
use aerostat_device::{BalloonDevice, Builder, HintCommand, Numbering, UsedEntries, features};
use proptest::prelude::*;

/// Guest memory: 1 MiB that nobody uses, and a little for rings at the end.
const MEMORY: u64 = 6 << 20;
/// Pages that the host may ask for: some more than there are.
const PAGES: u32 = 1400;
/// What devices may offer of their rings.
const RINGS: [u64; 7] = [
    features::EVENT_IDX,
    features::RING_PACKED,
    features::INDIRECT_DESC,
    features::IN_ORDER,
    features::NOTIFICATION_DATA,
    features::ORDER_PLATFORM,
    features::ACCESS_PLATFORM,
];
/// What the kernel says in the beginning: tags and values.
const STATISTICS: [(u16, u64); 3] = [(0, 1), (4, 2), (15, 3)];

/// What a device offers, and what its driver was told.
#[derive(Clone, Copy, Debug)]
struct Setup {
    offered: u64,
    interface: Interface,
    /// Of a device that offers IN_ORDER.
    used_entries: UsedEntries,
    numbering: Numbering,
    hint_command: HintCommand,
    /// Exponent of the size of all queues.
    queue: u32,
    depth: u16,
    poison: u32,
    /// Exponents of the bytes in a block.
    report: u32,
    hint: u32,
    relief: u32,
    hold_off: Duration,
}

impl Setup {
    fn builder(&self) -> Builder {
        let builder = match self.interface {
            Interface::Modern => BalloonDevice::builder(),
            Interface::Legacy => BalloonDevice::builder().legacy(),
        };
        builder
            .memory(MEMORY)
            .used_entries(self.used_entries)
            .features(self.offered | features::VERSION_1)
            .numbering(self.numbering)
            .hint_command(self.hint_command)
            .queue_size(1 << self.queue)
            .manual()
    }
}

fn setup() -> impl Strategy<Value = Setup> {
    let numbering = prop::sample::select(vec![Numbering::Specification, Numbering::DenseOverOffered, Numbering::Qemu]);
    let hint_command = prop::sample::select(vec![HintCommand::Shown, HintCommand::HiddenOnceOpened]);
    let poison = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    let pause = prop_oneof![Just(Duration::ZERO), Just(Duration::from_secs(1))];
    let rings = prop::collection::vec(prop::sample::select(RINGS.to_vec()), 0..=RINGS.len());
    let offered = (0..=features::BALLOON, rings)
        .prop_map(|(balloon, rings)| rings.into_iter().fold(balloon, |offered, feature| offered | feature));
    let interface = prop::sample::select(vec![Interface::Modern, Interface::Modern, Interface::Legacy]);
    let used_entries = prop::sample::select(vec![UsedEntries::OnePerBuffer, UsedEntries::OnePerBatch]);
    let host = (offered, numbering, hint_command, 1..8_u32, interface, used_entries);
    let driver = (1..17_u16, poison, 12..21_u32, 12..21_u32, 0..600_u32, pause);
    (host, driver).prop_map(|(host, driver)| {
        let (offered, numbering, hint_command, queue, interface, used_entries) = host;
        let (depth, poison, report, hint, relief, hold_off) = driver;
        // QEMU always offers statistics.
        let statistics = if numbering == Numbering::Qemu { features::STATS_VQ } else { 0 };
        let offered = offered | statistics;
        Setup {
            offered,
            interface,
            used_entries,
            numbering,
            hint_command,
            queue,
            depth,
            poison,
            report,
            hint,
            relief,
            hold_off,
        }
    })
}
