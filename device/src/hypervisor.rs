//! Deployed balloon devices as sets of options.

use crate::fault::{Fault, QueueFault};
use crate::model::{HintCommand, Numbering, QueueKind, features};
use crate::quirk::{Quirk, Quirks};

/// A hypervisor with a balloon device, for [`Builder::like`](crate::Builder::like).
///
/// The page "Hypervisors" of the book says which source was read for each. What the model lacks is named there too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hypervisor {
    /// QEMU over MMIO, with every balloon feature enabled.
    Qemu,
    /// Firecracker, with every balloon feature enabled.
    Firecracker,
    /// Cloud Hypervisor, with every balloon feature enabled.
    CloudHypervisor,
    /// crosvm with page reporting.
    Crosvm,
    /// crosvm with page reporting and the working-set extension, which has two queues of its own.
    CrosvmWorkingSet,
    /// libkrun, which answers only reports.
    Libkrun,
    /// Alioth with page reporting, which is an option of its command line. It does not answer statistics and hints.
    Alioth,
    /// StratoVirt, with every balloon feature enabled.
    StratoVirt,
    /// StratoVirt with its message queue.
    StratoVirtMessages,
    /// Dragonball of Kata Containers, with every balloon feature enabled.
    Dragonball,
    /// kvmtool.
    Kvmtool,
}

/// The options of a device like those of a hypervisor.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) features: u64,
    pub(crate) numbering: Numbering,
    pub(crate) further_queues: u16,
    pub(crate) queue_size: u16,
    pub(crate) queue_sizes: &'static [(QueueKind, u16)],
    pub(crate) config_bytes: usize,
    pub(crate) hint_command: HintCommand,
    pub(crate) quirks: Quirks,
    pub(crate) faults: Vec<Fault>,
}

impl Hypervisor {
    /// All hypervisors.
    pub const ALL: [Self; 11] = [
        Self::Qemu,
        Self::Firecracker,
        Self::CloudHypervisor,
        Self::Crosvm,
        Self::CrosvmWorkingSet,
        Self::Libkrun,
        Self::Alioth,
        Self::StratoVirt,
        Self::StratoVirtMessages,
        Self::Dragonball,
        Self::Kvmtool,
    ];

    pub(crate) fn profile(self) -> Profile {
        use features::{
            BALLOON, DEFLATE_ON_OOM, EVENT_IDX, FREE_PAGE_HINT, INDIRECT_DESC, MUST_TELL_HOST, PAGE_POISON,
            PAGE_REPORTING, RING_PACKED, RING_RESET, STATS_VQ,
        };
        let base = Profile {
            features: features::VERSION_1,
            numbering: Numbering::DenseOverOffered,
            further_queues: 0,
            queue_size: 256,
            queue_sizes: &[],
            config_bytes: 8,
            hint_command: HintCommand::Shown,
            quirks: Quirks::NONE,
            faults: Vec::new(),
        };
        let offer = |features: u64| base.features | features;
        let reporting_size: &[_] = &[(QueueKind::Reporting, 32)];
        match self {
            Self::Qemu => Profile {
                features: offer(BALLOON & !MUST_TELL_HOST | EVENT_IDX | INDIRECT_DESC | RING_RESET),
                numbering: Numbering::Qemu,
                queue_size: 128,
                queue_sizes: &[(QueueKind::FreePage, 1024), (QueueKind::Reporting, 32)],
                config_bytes: 16,
                hint_command: HintCommand::HiddenOnceOpened,
                quirks: [Quirk::IgnoresQueueReset, Quirk::OmitsWriteFlag].into_iter().collect(),
                ..base
            },
            Self::Firecracker => Profile {
                features: offer(STATS_VQ | DEFLATE_ON_OOM | FREE_PAGE_HINT | PAGE_REPORTING),
                config_bytes: 12,
                quirks: [Quirk::NeedsAllQueues, Quirk::KeepsLongArrays].into_iter().collect(),
                ..base
            },
            Self::CloudHypervisor => Profile {
                features: offer(DEFLATE_ON_OOM | PAGE_REPORTING),
                queue_size: 128,
                queue_sizes: reporting_size,
                quirks: Quirk::ReportsUnwrittenBytes.into(),
                ..base
            },
            Self::Crosvm | Self::CrosvmWorkingSet => Profile {
                features: offer(MUST_TELL_HOST | STATS_VQ | DEFLATE_ON_OOM | PAGE_REPORTING | EVENT_IDX),
                further_queues: if self == Self::CrosvmWorkingSet { 2 } else { 0 },
                queue_size: 128,
                config_bytes: 16,
                quirks: Quirk::RejectsUnusedQueues.into(),
                ..base
            },
            Self::Libkrun => Profile {
                features: offer(STATS_VQ | FREE_PAGE_HINT | PAGE_REPORTING),
                numbering: Numbering::Specification,
                config_bytes: 16,
                quirks: Quirk::CannotResetLive.into(),
                faults: (0..4).map(|queue| QueueFault::NeverCompletes.on(queue).into()).collect(),
                ..base
            },
            Self::Alioth => Profile {
                features: offer(
                    MUST_TELL_HOST
                        | STATS_VQ
                        | DEFLATE_ON_OOM
                        | FREE_PAGE_HINT
                        | PAGE_POISON
                        | PAGE_REPORTING
                        | EVENT_IDX
                        | RING_PACKED,
                ),
                numbering: Numbering::DenseOverNegotiated,
                config_bytes: 16,
                quirks: [Quirk::KeepsQueueCount, Quirk::RefusesPoison].into_iter().collect(),
                ..base
            },
            Self::StratoVirt | Self::StratoVirtMessages => Profile {
                features: offer(DEFLATE_ON_OOM | PAGE_REPORTING),
                further_queues: if self == Self::StratoVirtMessages { 1 } else { 0 },
                quirks: Quirk::ReportsUnwrittenBytes.into(),
                ..base
            },
            Self::Dragonball => Profile {
                features: offer(DEFLATE_ON_OOM | PAGE_REPORTING),
                queue_size: 128,
                quirks: [
                    Quirk::NeedsAllQueues,
                    Quirk::FailsActivation,
                    Quirk::CannotReset,
                    Quirk::ReportsUnwrittenBytes,
                ]
                .into_iter()
                .collect(),
                ..base
            },
            Self::Kvmtool => Profile {
                features: offer(STATS_VQ),
                queue_size: 128,
                config_bytes: 16,
                quirks: Quirk::ReportsUnwrittenBytes.into(),
                ..base
            },
        }
    }
}
