//! The registers of the balloon device behind every bus, written from the specification. They are honest here; the world bends
//! what they return.

use crate::ring::{Ring, Rules};

/// Feature bits of the balloon (5.5.3) and reserved ones (6).
pub(crate) mod bit {
    pub(crate) const MUST_TELL_HOST: u64 = 1;
    pub(crate) const STATS: u64 = 1 << 1;
    pub(crate) const HINT: u64 = 1 << 3;
    pub(crate) const REPORTING: u64 = 1 << 5;
    pub(crate) const EVENT_IDX: u64 = 1 << 29;
    pub(crate) const VERSION_1: u64 = 1 << 32;
    pub(crate) const ACCESS_PLATFORM: u64 = 1 << 33;
    pub(crate) const PACKED: u64 = 1 << 34;
    pub(crate) const IN_ORDER: u64 = 1 << 35;
    /// All that a device may offer.
    pub(crate) const ALL: [u32; 15] = [0, 1, 2, 3, 4, 5, 27, 28, 29, 33, 34, 35, 36, 38, 40];
}

pub(crate) const DRIVER_OK: u8 = 4;
const FEATURES_OK: u8 = 8;
pub(crate) const NEEDS_RESET: u8 = 0x40;
/// Queues that the device has room for.
pub(crate) const QUEUES: usize = 8;

/// The bus and the interface of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bus {
    Mmio,
    LegacyMmio,
    Pci,
    LegacyPci,
}

impl Bus {
    pub(crate) const fn is_legacy(self) -> bool {
        matches!(self, Self::LegacyMmio | Self::LegacyPci)
    }

    pub(crate) const fn is_pci(self) -> bool {
        matches!(self, Self::Pci | Self::LegacyPci)
    }
}

/// A register, over any bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    Magic,
    Version,
    DeviceId,
    FeaturesSelect,
    Features,
    DriverFeaturesSelect,
    DriverFeatures,
    QueueSelect,
    QueueSizeMax,
    QueueSize,
    QueuePfn,
    QueueEnable,
    /// Low or high half of the address of an area: 0 to 5.
    QueueAddress(u8),
    Notify,
    Interrupt,
    InterruptAck,
    Status,
    Generation,
    NumQueues,
    ConfigVector,
    QueueVector,
    NotifyOffset,
    /// A byte offset in the configuration space.
    Config(usize),
    Other,
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Inflate,
    Deflate,
    Statistics,
    Hinting,
    Reporting,
}

/// A queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) size_max: u16,
    pub(crate) size: u16,
    /// The size that the driver read last.
    pub(crate) size_read: u16,
    pub(crate) addresses: [u64; 3],
    pub(crate) pfn: u32,
    vector: u16,
    pub(crate) ring: Option<Ring>,
    pub(crate) role: Option<Role>,
}

/// What the world does after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Enable(usize),
    Notify(u32),
    Live,
    Reset,
}

/// How the queues are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Specified,
    DenseOverOffered,
}

/// The registers of the device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) bus: Bus,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) numbers: Numbers,
    pub(crate) status: u8,
    /// Reads of the status until a requested reset has finished.
    pub(crate) reset_in: Option<u32>,
    pub(crate) queues: [Queue; QUEUES],
    pub(crate) enabled: u8,
    pub(crate) config: [u32; 4],
    pub(crate) config_len: usize,
    pub(crate) generation: u32,
    pub(crate) interrupt: u8,
    features_select: u32,
    driver_select: u32,
    queue_select: u32,
    config_vector: u16,
    /// The host has reset the device, and it does nothing until the driver does the same.
    pub(crate) is_asleep: bool,
    /// Every register reads all ones.
    pub(crate) is_unplugged: bool,
    /// The configuration changes at every look.
    pub(crate) is_restless: bool,
}

impl Device {
    pub(crate) fn new(bus: Bus) -> Self {
        Self {
            bus,
            offered: bit::VERSION_1,
            accepted: 0,
            numbers: Numbers::Specified,
            status: 0,
            reset_in: None,
            queues: Default::default(),
            enabled: 0,
            config: [0; 4],
            config_len: 16,
            generation: 0,
            interrupt: 0,
            features_select: 0,
            driver_select: 0,
            queue_select: 0,
            config_vector: 0xffff,
            is_asleep: false,
            is_unplugged: false,
            is_restless: false,
        }
    }

    /// Returns whether the device works.
    pub(crate) const fn is_live(&self) -> bool {
        self.status & DRIVER_OK != 0 && !self.is_asleep && !self.is_unplugged && self.reset_in.is_none()
    }

    /// Returns the state of a device that was reset.
    pub(crate) fn reset(&mut self) {
        for queue in &mut self.queues {
            *queue = Queue { size_max: queue.size_max, size: queue.size_max, vector: 0xffff, ..Queue::default() };
        }
        (self.accepted, self.status, self.reset_in, self.enabled) = (0, 0, None, 0);
        (self.is_asleep, self.is_restless, self.interrupt, self.config_vector) = (false, false, 0, 0xffff);
        self.config[1] = 0;
    }

    pub(crate) const fn has(&self, feature: u64) -> bool {
        self.accepted & feature != 0
    }

    pub(crate) const fn rules(&self) -> Rules {
        Rules {
            packed: self.has(bit::PACKED),
            event_idx: self.has(bit::EVENT_IDX),
            in_order: self.has(bit::IN_ORDER),
            legacy: self.bus.is_legacy(),
        }
    }

    /// Returns the role of the queue that is enabled next. The driver enables its queues in the order of the specification.
    pub(crate) fn next_role(&self) -> Option<Role> {
        let optional = [(bit::STATS, Role::Statistics), (bit::HINT, Role::Hinting), (bit::REPORTING, Role::Reporting)];
        let optional = optional.into_iter().filter(|(feature, _)| self.has(*feature)).map(|(_, role)| role);
        [Role::Inflate, Role::Deflate].into_iter().chain(optional).nth(self.enabled.into())
    }

    /// Returns the number of the queue with a role, as the device numbers them.
    pub(crate) fn number(&self, role: Role) -> usize {
        let has = |feature: u64| usize::from(self.offered & feature != 0);
        match (role, self.numbers) {
            (Role::Inflate, _) => 0,
            (Role::Deflate, _) => 1,
            (Role::Statistics, _) => 2,
            (Role::Hinting, Numbers::Specified) => 3,
            (Role::Hinting, Numbers::DenseOverOffered) => 2 + has(bit::STATS),
            (Role::Reporting, Numbers::Specified) => 4,
            (Role::Reporting, Numbers::DenseOverOffered) => 2 + has(bit::STATS) + has(bit::HINT),
        }
    }

    /// Returns how many queues the device has.
    pub(crate) fn queue_count(&self) -> usize {
        match self.numbers {
            Numbers::Specified => 5,
            Numbers::DenseOverOffered => {
                let optional = [bit::STATS, bit::HINT, bit::REPORTING];
                2 + optional.into_iter().filter(|feature| self.offered & feature != 0).count()
            }
        }
    }

    fn selected(&self) -> Option<&Queue> {
        let index = self.queue_select as usize;
        self.queues.get(index).filter(|_| index < self.queue_count())
    }

    /// Returns the value of a register.
    pub(crate) fn read(&self, register: Register) -> u32 {
        let queue = self.selected();
        let half = |value: u64, select: u32| match select {
            0 => value as u32,
            1 => (value >> 32) as u32,
            _ => 0,
        };
        match register {
            Register::Magic => 0x7472_6976,
            Register::Version => {
                if self.bus.is_legacy() {
                    1
                } else {
                    2
                }
            }
            Register::DeviceId => 5,
            Register::Features => half(self.offered, self.features_select),
            Register::DriverFeatures => half(self.accepted, self.driver_select),
            Register::QueueSizeMax => queue.map_or(0, |queue| queue.size_max.into()),
            Register::QueueSize => queue.map_or(0, |queue| queue.size.into()),
            Register::QueuePfn => queue.map_or(0, |queue| queue.pfn),
            Register::QueueEnable => queue.map_or(0, |queue| queue.ring.is_some().into()),
            Register::Interrupt => self.interrupt.into(),
            Register::Status => self.status.into(),
            Register::Generation => self.generation,
            Register::NumQueues => self.queue_count() as u32,
            Register::ConfigVector => self.config_vector.into(),
            Register::QueueVector => queue.map_or(0xffff, |queue| queue.vector.into()),
            Register::NotifyOffset => self.queue_select,
            Register::Config(offset) => self.config.get(offset / 4).map_or(0, |word| word >> (8 * (offset % 4))),
            _ => 0,
        }
    }

    /// Writes a register.
    pub(crate) fn write(&mut self, register: Register, value: u32) -> Effect {
        let index = self.queue_select as usize;
        match register {
            Register::FeaturesSelect => self.features_select = value,
            Register::DriverFeaturesSelect => self.driver_select = value,
            Register::DriverFeatures => {
                let (keep, shift) = match self.driver_select {
                    0 => (0xffff_ffff_0000_0000, 0),
                    _ => (0x0000_0000_ffff_ffff, 32),
                };
                self.accepted = self.accepted & keep | u64::from(value) << shift;
            }
            Register::QueueSelect => self.queue_select = value,
            Register::QueueSize => {
                if let Some(queue) = self.queues.get_mut(index) {
                    queue.size = value as u16;
                }
            }
            Register::QueuePfn => {
                if let Some(queue) = self.queues.get_mut(index) {
                    queue.pfn = value;
                    return if value == 0 { Effect::None } else { Effect::Enable(index) };
                }
            }
            Register::QueueEnable if value == 1 => return Effect::Enable(index),
            Register::QueueAddress(part) => {
                if let Some(queue) = self.queues.get_mut(index)
                    && let Some(address) = queue.addresses.get_mut(usize::from(part / 2))
                {
                    let (keep, shift) = if part % 2 == 0 { (!0 << 32, 0) } else { (0xffff_ffff, 32) };
                    *address = *address & keep | u64::from(value) << shift;
                }
            }
            Register::Notify => return Effect::Notify(value),
            Register::InterruptAck => self.interrupt &= !(value as u8),
            Register::ConfigVector => self.config_vector = value as u16,
            Register::QueueVector => {
                if let Some(queue) = self.queues.get_mut(index) {
                    queue.vector = value as u16;
                }
            }
            Register::Config(offset) => {
                if let Some(word) = self.config.get_mut(offset / 4) {
                    *word = value;
                }
            }
            Register::Status => return self.write_status(value as u8),
            _ => {}
        }
        Effect::None
    }

    fn write_status(&mut self, value: u8) -> Effect {
        if value == 0 {
            return Effect::Reset;
        }
        let rejects = value & FEATURES_OK != 0 && self.accepted & !self.offered != 0;
        let becomes_live = value & DRIVER_OK != 0 && self.status & DRIVER_OK == 0;
        self.status = if rejects { value & !FEATURES_OK } else { value };
        if becomes_live { Effect::Live } else { Effect::None }
    }
}
