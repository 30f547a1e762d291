//! What a device is like before it starts.

use std::collections::BTreeMap;
use std::io;

use crate::device::BalloonDevice;
use crate::log::Logging;
use crate::memory::{GuestMemory, MemoryError, MemoryLayout};
use crate::misbehave::Misbehave;
use crate::model::{
    HintCommand, Interface, Notifications, Numbering, Options, Pace, QueueKind, State, UsedEntries, Work, features,
};
use crate::shared::Mode;

/// Guest memory without another choice: 64 MiB.
const MEMORY: u64 = 64 << 20;

/// Builds a [`BalloonDevice`]: made by [`BalloonDevice::builder`].
///
/// Without other choices the guest has 64 MiB at address 0, the device offers VERSION_1 and MUST_TELL_HOST, its queues
/// have 128 entries, it works on its own thread, does all of its work and logs it.
#[derive(Debug)]
#[must_use = "a device starts with `start`"]
pub struct Builder {
    memory: Memory,
    options: Options,
    mode: Mode,
    target: u32,
    faults: Vec<Misbehave>,
}

#[derive(Debug)]
enum Memory {
    New(MemoryLayout),
    Given(GuestMemory),
}

/// Why a device did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no guest memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The queue size is none.
    #[error(
        "{0} is no queue size: it is a power of two unless RING_PACKED is offered, from 1 to 32768 (to offer another one is `RegisterFault::QueueSizeMax`)"
    )]
    QueueSize(u16),
    /// The configuration cannot end there.
    #[error("{0} bytes are no length of the configuration: it has whole fields of 4 bytes, at most 16 in all")]
    ConfigBytes(usize),
    /// The host gave no thread.
    #[error("the device got no thread: {0}")]
    Thread(#[source] io::Error),
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            memory: Memory::New(MemoryLayout { base: 0, bytes: MEMORY, bus_offset: 0 }),
            options: Options {
                interface: Interface::Modern,
                features: features::VERSION_1 | features::MUST_TELL_HOST,
                queue_size: 128,
                queue_sizes: BTreeMap::new(),
                numbering: Numbering::default(),
                config_bytes: None,
                hint_command: HintCommand::default(),
                work: Work::Full,
                logging: Logging::Full,
                notifications: Notifications::Suppressed,
                used_entries: UsedEntries::default(),
                pace: Pace::AtOnce,
            },
            mode: Mode::Threaded,
            target: 0,
            faults: Vec::new(),
        }
    }

    /// `bytes` of guest memory at address 0.
    pub fn memory(self, bytes: u64) -> Self {
        self.memory_at(MemoryLayout { base: 0, bytes, bus_offset: 0 })
    }

    /// Guest memory that lies as `layout` says.
    pub fn memory_at(mut self, layout: MemoryLayout) -> Self {
        self.memory = Memory::New(layout);
        self
    }

    /// Guest memory that exists already, for instance to bring a second device up on it.
    pub fn shared_memory(mut self, memory: &GuestMemory) -> Self {
        self.memory = Memory::Given(memory.clone());
        self
    }

    /// The feature bits that the device offers: see [`features`].
    pub fn features(mut self, features: u64) -> Self {
        self.options.features = features;
        self
    }

    /// These feature bits, beside those that the device offers already.
    pub fn add_features(mut self, features: u64) -> Self {
        self.options.features |= features;
        self
    }

    /// A device that has only the legacy interface: version 1 of the MMIO registers, features up to bit 31 (it does not
    /// offer others, whatever else is chosen), and rings and buffers in the byte order of the guest.
    pub fn legacy(mut self) -> Self {
        self.options.interface = Interface::Legacy;
        self
    }

    /// The largest size of every queue.
    pub fn queue_size(mut self, size: u16) -> Self {
        self.options.queue_size = size;
        self
    }

    /// The largest size of one queue, whatever that of the others is.
    pub fn queue_size_of(mut self, queue: QueueKind, size: u16) -> Self {
        self.options.queue_sizes.insert(queue, size);
        self
    }

    /// How the queues are numbered. As the specification prints them unless chosen.
    pub fn numbering(mut self, numbering: Numbering) -> Self {
        self.options.numbering = numbering;
        self
    }

    /// The length of the configuration space: usually 8, 12 or 16 bytes. It ends after the last field that an offered
    /// feature brings unless chosen; fields never move.
    pub fn config_bytes(mut self, bytes: usize) -> Self {
        self.options.config_bytes = Some(bytes);
        self
    }

    /// What `free_page_hint_cmd_id` shows once the driver has opened a round.
    pub fn hint_command(mut self, shows: HintCommand) -> Self {
        self.options.hint_command = shows;
        self
    }

    /// `num_pages` at the start.
    pub fn target(mut self, pages: u32) -> Self {
        self.target = pages;
        self
    }

    /// How much of its work the device does.
    pub fn work(mut self, work: Work) -> Self {
        self.options.work = work;
        self
    }

    /// Whether events are kept.
    pub fn logging(mut self, logging: Logging) -> Self {
        self.options.logging = logging;
        self
    }

    /// Whether the driver is asked not to notify while the device is at work.
    pub fn notifications(mut self, notifications: Notifications) -> Self {
        self.options.notifications = notifications;
        self
    }

    /// How used buffers are reported where IN_ORDER is negotiated.
    pub fn used_entries(mut self, used_entries: UsedEntries) -> Self {
        self.options.used_entries = used_entries;
        self
    }

    /// A way to misbehave from the start.
    pub fn misbehave(mut self, fault: impl Into<Misbehave>) -> Self {
        self.faults.push(fault.into());
        self
    }

    /// The device works on its own thread, as a real one: interrupts come from there.
    pub fn threaded(mut self) -> Self {
        self.mode = Mode::Threaded;
        self
    }

    /// The device works inside the register access that notifies it. The same accesses always give the same results.
    pub fn inline(mut self) -> Self {
        self.mode = Mode::Inline;
        self
    }

    /// The device works only in [`BalloonDevice::step`] and [`BalloonDevice::settle`], so that a test sees what is in
    /// flight.
    pub fn manual(mut self) -> Self {
        self.mode = Mode::Manual;
        self
    }

    /// Starts the device.
    ///
    /// # Errors
    ///
    /// [`StartError`] when there is no memory or no thread for it, a queue size is none, or the configuration cannot end
    /// there.
    pub fn start(self) -> Result<BalloonDevice, StartError> {
        let Options { interface, features, queue_size, ref queue_sizes, config_bytes, .. } = self.options;
        let features = if interface == Interface::Legacy { features & features::LEGACY } else { features };
        let packed = features & features::RING_PACKED != 0;
        let mut sizes = queue_sizes.values().copied().chain([queue_size]);
        if let Some(size) = sizes.find(|size| !(1..=32768).contains(size) || !(packed || size.is_power_of_two())) {
            return Err(StartError::QueueSize(size));
        }
        if let Some(bytes) = config_bytes.filter(|bytes| !bytes.is_multiple_of(4) || *bytes > 16) {
            return Err(StartError::ConfigBytes(bytes));
        }
        let memory = match self.memory {
            Memory::New(layout) => GuestMemory::with_layout(layout)?,
            Memory::Given(memory) => memory,
        };
        let pace = if self.mode == Mode::Threaded { Pace::AtOnce } else { Pace::InTurns };
        let mut state = State::new(memory.clone(), Options { features, pace, ..self.options });
        if self.target != 0 {
            state.set_target(self.target);
        }
        for fault in self.faults {
            state.misbehave(fault);
        }
        BalloonDevice::start(memory, state, self.mode).map_err(StartError::Thread)
    }
}
