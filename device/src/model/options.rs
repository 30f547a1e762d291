//! The properties of a device that the builder chooses.

use std::collections::BTreeMap;

use super::numbering::{Numbering, QueueKind};
use crate::event::Logging;
use crate::memory::ByteOrder;
use crate::quirk::Quirks;

/// How much of its work the device does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// The device counts and checks pages, discards their memory, and detects pages that are touched in the balloon.
    #[default]
    Full,
    /// The device counts pages and discards their memory, but does not check deflated pages. For demos and benchmarks.
    Release,
    /// The device counts and checks pages, but keeps their memory.
    Count,
    /// The device completes buffers without reading them. For benchmarks of the driver without a virtual machine.
    Acknowledge,
}

/// Whether the device disables notifications while it processes a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notifications {
    /// The device disables them, and checks the queue again after it has enabled them.
    #[default]
    Suppressed,
    /// Notifications are always enabled.
    Enabled,
}

/// How a device with IN_ORDER reports used buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsedEntries {
    /// One used entry for each buffer.
    #[default]
    OnePerBuffer,
    /// One used entry for a batch: that of its last buffer (2.7.9, 2.8.8).
    OnePerBatch,
}

/// The value of `free_page_hint_cmd_id` during a round of hints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HintCommand {
    /// The id of the round until the host stops it.
    #[default]
    Shown,
    /// The id of the round until the driver opens it, then STOP, without an interrupt. QEMU behaves like this.
    HiddenOnceOpened,
}

/// The register layout of the MMIO transport, and the byte order that belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Version 2: everything is little-endian.
    #[default]
    Modern,
    /// Version 1: rings and buffers are guest-endian.
    Legacy,
}

impl Interface {
    pub(crate) fn byte_order(self) -> ByteOrder {
        match self {
            Self::Modern => ByteOrder::Little,
            Self::Legacy => ByteOrder::NATIVE,
        }
    }
}

/// How the driver and the device run relative to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// They alternate: when the host acts, no call of the driver is in progress.
    Alternating,
    /// The device has its own thread.
    Concurrent,
}

/// The properties of a device.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) interface: Interface,
    pub(crate) features: u64,
    pub(crate) queue_size: u16,
    /// Sizes of queues that differ from `queue_size`.
    pub(crate) queue_sizes: BTreeMap<QueueKind, u16>,
    pub(crate) numbering: Numbering,
    /// Number of queues behind those of the balloon.
    pub(crate) further_queues: u16,
    pub(crate) quirks: Quirks,
    /// Length in bytes of the configuration space, unless it follows from the features.
    pub(crate) config_bytes: Option<usize>,
    pub(crate) hint_command: HintCommand,
    pub(crate) work: Work,
    pub(crate) logging: Logging,
    pub(crate) notifications: Notifications,
    pub(crate) used_entries: UsedEntries,
    pub(crate) timing: Timing,
    /// The driver may count reported pages as ballooned.
    pub(crate) block_inflation: bool,
}
