//! The properties of a device before it starts.

use std::collections::BTreeMap;
use std::io;

use super::balloon::BalloonDevice;
use super::shared::Mode;
use crate::event::Logging;
use crate::fault::Fault;
use crate::hypervisor::{Hypervisor, Profile};
use crate::memory::{GuestMemory, MemoryError, MemoryLayout};
use crate::model::{
    HintCommand, Interface, Notifications, Numbering, Options, QueueKind, State, Timing, UsedEntries, Work, features,
};
use crate::quirk::{Quirk, Quirks};

/// The default size of guest memory: 64 MiB.
const DEFAULT_MEMORY: u64 = 64 << 20;
/// The maximum number of queues behind those of the balloon.
const MAX_FURTHER_QUEUES: u16 = 32;

/// A builder of a [`BalloonDevice`], created by [`BalloonDevice::builder`].
///
/// Defaults: 64 MiB of guest memory at address 0, VERSION_1 and MUST_TELL_HOST offered, queues of 128 entries, its own
/// thread, [`Work::Full`], [`Logging::Full`].
#[derive(Debug)]
#[must_use = "call `start` to start the device"]
pub struct Builder {
    memory: Memory,
    options: Options,
    mode: Mode,
    target: u32,
    faults: Vec<Fault>,
}

#[derive(Debug)]
enum Memory {
    New(MemoryLayout),
    Existing(GuestMemory),
}

/// The device did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The guest memory could not be created.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The queue size is invalid.
    #[error(
        "invalid queue size {0}: it must be from 1 to 32768, and a power of two unless RING_PACKED is offered; to offer an invalid size use `RegisterFault::QueueSizeMax`"
    )]
    QueueSize(u16),
    /// The device has too many queues.
    #[error("{0} further queues: at most 32 are supported")]
    FurtherQueues(u16),
    /// The length of the configuration space is invalid.
    #[error("invalid configuration space length {0}: it must be a multiple of 4, at most 16")]
    ConfigBytes(usize),
    /// The thread of the device could not be created.
    #[error("failed to create the device thread: {0}")]
    Thread(#[source] io::Error),
}

impl BalloonDevice {
    /// Returns a builder with the default properties.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            memory: Memory::New(MemoryLayout { base: 0, bytes: DEFAULT_MEMORY, bus_offset: 0 }),
            options: Options {
                interface: Interface::Modern,
                features: features::VERSION_1 | features::MUST_TELL_HOST,
                queue_size: 128,
                queue_sizes: BTreeMap::new(),
                numbering: Numbering::default(),
                further_queues: 0,
                quirks: Quirks::NONE,
                config_bytes: None,
                hint_command: HintCommand::default(),
                work: Work::Full,
                logging: Logging::Full,
                notifications: Notifications::Suppressed,
                used_entries: UsedEntries::default(),
                timing: Timing::Concurrent,
                block_inflation: false,
            },
            mode: Mode::Threaded,
            target: 0,
            faults: Vec::new(),
        }
    }

    /// Sets the size of guest memory in bytes, at address 0.
    pub fn memory(self, bytes: u64) -> Self {
        self.memory_at(MemoryLayout { base: 0, bytes, bus_offset: 0 })
    }

    /// Sets the addresses of guest memory.
    pub fn memory_at(mut self, layout: MemoryLayout) -> Self {
        self.memory = Memory::New(layout);
        self
    }

    /// Uses existing guest memory, for example to start a second device on it.
    pub fn shared_memory(mut self, memory: &GuestMemory) -> Self {
        self.memory = Memory::Existing(memory.clone());
        self
    }

    /// Sets the offered feature bits: see [`features`].
    pub fn features(mut self, features: u64) -> Self {
        self.options.features = features;
        self
    }

    /// Adds to the offered feature bits.
    pub fn add_features(mut self, features: u64) -> Self {
        self.options.features |= features;
        self
    }

    /// Removes from the offered feature bits.
    pub fn without_features(mut self, features: u64) -> Self {
        self.options.features &= !features;
        self
    }

    /// Makes it a device with only the legacy interface: version 1 of the MMIO registers, and guest-endian rings and buffers.
    /// The device does not offer feature bits above 31.
    pub fn legacy(mut self) -> Self {
        self.options.interface = Interface::Legacy;
        self
    }

    /// Sets the maximum size of all queues.
    pub fn queue_size(mut self, size: u16) -> Self {
        self.options.queue_size = size;
        self
    }

    /// Sets the maximum size of one queue, in place of [`Builder::queue_size`].
    pub fn queue_size_of(mut self, queue: QueueKind, size: u16) -> Self {
        self.options.queue_sizes.insert(queue, size);
        self
    }

    /// Sets the numbering scheme of the queues. Default: [`Numbering::Specification`].
    pub fn numbering(mut self, numbering: Numbering) -> Self {
        self.options.numbering = numbering;
        self
    }

    /// Sets everything in which the device of this hypervisor differs from others: offered features, queue numbers and sizes,
    /// length of the configuration space, quirks, and faults of the missing parts. Later calls of the builder can change them,
    /// for instance the features.
    pub fn like(mut self, hypervisor: Hypervisor) -> Self {
        let Profile {
            features,
            numbering,
            further_queues,
            queue_size,
            queue_sizes,
            config_bytes,
            hint_command,
            quirks,
            faults,
        } = hypervisor.profile();
        self.options.features = features;
        self.options.numbering = numbering;
        self.options.further_queues = further_queues;
        self.options.queue_size = queue_size;
        self.options.queue_sizes = queue_sizes.iter().copied().collect();
        self.options.config_bytes = Some(config_bytes);
        self.options.hint_command = hint_command;
        self.options.quirks = quirks;
        self.faults.extend(faults);
        self
    }

    /// Adds queues behind those of the balloon, which the driver has no use for: crosvm and StratoVirt with extensions.
    /// Default: 0.
    pub fn further_queues(mut self, queues: u16) -> Self {
        self.options.further_queues = queues;
        self
    }

    /// Adds a quirk.
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.options.quirks = self.options.quirks.with(quirk);
        self
    }

    /// Sets all quirks.
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.options.quirks = quirks;
        self
    }

    /// Sets the length in bytes of the configuration space, usually 8, 12 or 16. Default: up to the last field of an offered
    /// feature. The offsets of the fields do not change.
    pub fn config_bytes(mut self, bytes: usize) -> Self {
        self.options.config_bytes = Some(bytes);
        self
    }

    /// Sets the value of `free_page_hint_cmd_id` after the driver has opened a round.
    pub fn hint_command(mut self, hint_command: HintCommand) -> Self {
        self.options.hint_command = hint_command;
        self
    }

    /// Sets the initial `num_pages`.
    pub fn target(mut self, pages: u32) -> Self {
        self.target = pages;
        self
    }

    /// Sets how much of its work the device does.
    pub fn work(mut self, work: Work) -> Self {
        self.options.work = work;
        self
    }

    /// Sets whether the device keeps an event log.
    pub fn logging(mut self, logging: Logging) -> Self {
        self.options.logging = logging;
        self
    }

    /// Sets whether the device disables notifications while it processes a queue.
    pub fn notifications(mut self, notifications: Notifications) -> Self {
        self.options.notifications = notifications;
        self
    }

    /// Sets how the device reports used buffers if IN_ORDER is negotiated.
    pub fn used_entries(mut self, used_entries: UsedEntries) -> Self {
        self.options.used_entries = used_entries;
        self
    }

    /// The driver may keep reported pages in the balloon (block inflation). The device then accepts the deflation of a page whose report
    /// was completed, and detects pages that are touched before they go back to the kernel. Without this, deflating a page that was
    /// not inflated is a violation.
    pub fn block_inflation(mut self) -> Self {
        self.options.block_inflation = true;
        self
    }

    /// Injects a fault from the start.
    pub fn inject(mut self, fault: impl Into<Fault>) -> Self {
        self.faults.push(fault.into());
        self
    }

    /// The device works on its own thread, like a real device, and raises interrupts there.
    pub fn threaded(mut self) -> Self {
        self.mode = Mode::Threaded;
        self
    }

    /// The device works inside the register access that notifies it. Deterministic.
    pub fn inline(mut self) -> Self {
        self.mode = Mode::Inline;
        self
    }

    /// The device works only in [`BalloonDevice::step`] and [`BalloonDevice::settle`], so that a test can inspect buffers in
    /// flight.
    pub fn manual(mut self) -> Self {
        self.mode = Mode::Manual;
        self
    }

    /// Starts the device.
    ///
    /// # Errors
    ///
    /// [`StartError`] if memory or thread cannot be created, or if a queue size or the length of the configuration space is
    /// invalid.
    pub fn start(self) -> Result<BalloonDevice, StartError> {
        let Options { interface, features, queue_size, ref queue_sizes, config_bytes, .. } = self.options;
        let features = if interface == Interface::Legacy { features & features::LEGACY } else { features };
        let packed = features & features::RING_PACKED != 0;
        let mut sizes = queue_sizes.values().copied().chain([queue_size]);
        if let Some(size) = sizes.find(|size| !(1..=32768).contains(size) || !(packed || size.is_power_of_two())) {
            return Err(StartError::QueueSize(size));
        }
        if self.options.further_queues > MAX_FURTHER_QUEUES {
            return Err(StartError::FurtherQueues(self.options.further_queues));
        }
        if let Some(bytes) = config_bytes.filter(|bytes| !bytes.is_multiple_of(4) || *bytes > 16) {
            return Err(StartError::ConfigBytes(bytes));
        }
        let memory = match self.memory {
            Memory::New(layout) => GuestMemory::with_layout(layout)?,
            Memory::Existing(memory) => memory,
        };
        let timing = if self.mode == Mode::Threaded { Timing::Concurrent } else { Timing::Alternating };
        let mut state = State::new(memory.clone(), Options { features, timing, ..self.options });
        if self.target != 0 {
            state.set_target(self.target);
        }
        for fault in self.faults {
            state.inject(fault);
        }
        BalloonDevice::start(memory, state, self.mode).map_err(StartError::Thread)
    }
}
