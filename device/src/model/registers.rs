//! The register file of the MMIO transport, version 2: section 4.2.2.

use virtio_bindings::virtio_ids::VIRTIO_ID_BALLOON;
use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_CONFIG_GENERATION, VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES_SEL,
    VIRTIO_MMIO_DEVICE_ID, VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_INT_CONFIG,
    VIRTIO_MMIO_INT_VRING, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_MAGIC_VALUE,
    VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, VIRTIO_MMIO_QUEUE_DESC_LOW,
    VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_READY,
    VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_SHM_BASE_HIGH,
    VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_LEN_HIGH, VIRTIO_MMIO_SHM_LEN_LOW, VIRTIO_MMIO_SHM_SEL,
    VIRTIO_MMIO_STATUS, VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_VERSION,
};

use super::State;
use super::queue::{Area, Half};
use crate::misbehave::RegisterFault;
use crate::violation::{Access, Violation};

/// "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// The version of the interface that is not the legacy one.
const VERSION: u32 = 2;
/// "AERO": nobody is meant to look at it.
const VENDOR: u32 = 0x4f52_4541;

/// Where the configuration space starts.
pub(crate) const CONFIG: usize = VIRTIO_MMIO_CONFIG as usize;
/// The register that starts a queue reset, which virtio-bindings does not name.
const QUEUE_RESET: u32 = 0x0c0;

/// The three registers that identify a device, in the order in which they are read: this many make it known.
const IDENTIFIED: u8 = 0b111;

/// The control registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    MagicValue,
    Version,
    DeviceId,
    VendorId,
    DeviceFeatures,
    DeviceFeaturesSel,
    DriverFeatures,
    DriverFeaturesSel,
    QueueSel,
    QueueSizeMax,
    QueueSize,
    QueueReady,
    QueueNotify,
    InterruptStatus,
    InterruptAck,
    Status,
    QueueAddress(Area, Half),
    SharedMemory,
    QueueReset,
    ConfigGeneration,
}

impl Register {
    fn at(offset: usize) -> Option<Self> {
        Some(match u32::try_from(offset).ok()? {
            VIRTIO_MMIO_MAGIC_VALUE => Self::MagicValue,
            VIRTIO_MMIO_VERSION => Self::Version,
            VIRTIO_MMIO_DEVICE_ID => Self::DeviceId,
            VIRTIO_MMIO_VENDOR_ID => Self::VendorId,
            VIRTIO_MMIO_DEVICE_FEATURES => Self::DeviceFeatures,
            VIRTIO_MMIO_DEVICE_FEATURES_SEL => Self::DeviceFeaturesSel,
            VIRTIO_MMIO_DRIVER_FEATURES => Self::DriverFeatures,
            VIRTIO_MMIO_DRIVER_FEATURES_SEL => Self::DriverFeaturesSel,
            VIRTIO_MMIO_QUEUE_SEL => Self::QueueSel,
            VIRTIO_MMIO_QUEUE_NUM_MAX => Self::QueueSizeMax,
            VIRTIO_MMIO_QUEUE_NUM => Self::QueueSize,
            VIRTIO_MMIO_QUEUE_READY => Self::QueueReady,
            VIRTIO_MMIO_QUEUE_NOTIFY => Self::QueueNotify,
            VIRTIO_MMIO_INTERRUPT_STATUS => Self::InterruptStatus,
            VIRTIO_MMIO_INTERRUPT_ACK => Self::InterruptAck,
            VIRTIO_MMIO_STATUS => Self::Status,
            VIRTIO_MMIO_QUEUE_DESC_LOW => Self::QueueAddress(Area::Descriptors, Half::Low),
            VIRTIO_MMIO_QUEUE_DESC_HIGH => Self::QueueAddress(Area::Descriptors, Half::High),
            VIRTIO_MMIO_QUEUE_AVAIL_LOW => Self::QueueAddress(Area::Driver, Half::Low),
            VIRTIO_MMIO_QUEUE_AVAIL_HIGH => Self::QueueAddress(Area::Driver, Half::High),
            VIRTIO_MMIO_QUEUE_USED_LOW => Self::QueueAddress(Area::Device, Half::Low),
            VIRTIO_MMIO_QUEUE_USED_HIGH => Self::QueueAddress(Area::Device, Half::High),
            VIRTIO_MMIO_SHM_SEL
            | VIRTIO_MMIO_SHM_LEN_LOW
            | VIRTIO_MMIO_SHM_LEN_HIGH
            | VIRTIO_MMIO_SHM_BASE_LOW
            | VIRTIO_MMIO_SHM_BASE_HIGH => Self::SharedMemory,
            QUEUE_RESET => Self::QueueReset,
            VIRTIO_MMIO_CONFIG_GENERATION => Self::ConfigGeneration,
            _ => return None,
        })
    }

    fn allows(self, access: Access) -> bool {
        match self {
            Self::MagicValue
            | Self::Version
            | Self::DeviceId
            | Self::VendorId
            | Self::DeviceFeatures
            | Self::QueueSizeMax
            | Self::InterruptStatus
            | Self::ConfigGeneration => access == Access::Read,
            Self::DeviceFeaturesSel
            | Self::DriverFeatures
            | Self::DriverFeaturesSel
            | Self::QueueSel
            | Self::QueueSize
            | Self::QueueNotify
            | Self::InterruptAck
            | Self::QueueAddress(..) => access == Access::Write,
            Self::QueueReady | Self::Status | Self::SharedMemory | Self::QueueReset => true,
        }
    }
}

/// Where an access goes.
enum Place {
    Register(Register),
    Config(usize),
}

impl State {
    /// A read of `bits` bits at `offset`: zero where nothing sensible is.
    pub(crate) fn read(&mut self, offset: usize, bits: u32) -> u32 {
        match self.place(Access::Read, offset, bits) {
            Some(Place::Register(register)) => self.read_register(register, offset),
            Some(Place::Config(field)) => self.read_config(field),
            None => 0,
        }
    }

    /// A write of `bits` bits at `offset`: without effect where nothing sensible is.
    pub(crate) fn write(&mut self, offset: usize, bits: u32, value: u32) {
        match self.place(Access::Write, offset, bits) {
            Some(Place::Register(register)) => self.write_register(register, offset, value),
            Some(Place::Config(field)) => self.write_config(field, value),
            None => {}
        }
    }

    /// What the access reaches, if it is one that the specification allows.
    fn place(&mut self, access: Access, offset: usize, bits: u32) -> Option<Place> {
        let aligned = offset & !3;
        let config = aligned.checked_sub(CONFIG);
        let register = match config {
            Some(field) if field >= self.config_len() => None,
            Some(field) => Some(Place::Config(field)),
            None => Register::at(aligned).map(Place::Register),
        };
        let Some(place) = register else {
            self.violation(Violation::UndefinedRegister { access, offset });
            return None;
        };
        if bits != 32 || offset != aligned {
            self.violation(Violation::WrongWidth { access, offset, bits });
            return None;
        }
        if let Place::Register(register) = place {
            if !register.allows(access) {
                self.violation(Violation::WrongDirection { access, offset });
                return None;
            }
            self.note_identification(register);
        }
        let identifying = matches!(
            place,
            Place::Register(Register::MagicValue | Register::Version | Register::DeviceId | Register::VendorId)
        );
        if !identifying && self.identified != IDENTIFIED {
            self.violation(Violation::NotIdentified { access, offset });
            // Said once.
            self.identified = IDENTIFIED;
        }
        Some(place)
    }

    fn note_identification(&mut self, register: Register) {
        let step = match register {
            Register::MagicValue => 0,
            Register::Version => 1,
            Register::DeviceId => 2,
            _ => return,
        };
        // The identity of the device comes after both others; those two in any order.
        if step < 2 || self.identified & 0b011 == 0b011 {
            self.identified |= 1 << step;
        }
    }

    fn read_register(&mut self, register: Register, offset: usize) -> u32 {
        let faults = &self.faults;
        match register {
            Register::MagicValue => faults.register(|fault| lie(fault, Register::MagicValue)).unwrap_or(MAGIC),
            Register::Version => faults.register(|fault| lie(fault, Register::Version)).unwrap_or(VERSION),
            Register::DeviceId => faults.register(|fault| lie(fault, Register::DeviceId)).unwrap_or(VIRTIO_ID_BALLOON),
            Register::VendorId => VENDOR,
            Register::DeviceFeatures => match self.device_features_sel {
                Some(half) => self.read_device_features(half),
                None => self.unselected(Access::Read, offset),
            },
            Register::QueueSizeMax => match self.queue_sel {
                Some(queue) => self.read_queue_size_max(queue),
                None => self.unselected(Access::Read, offset),
            },
            Register::QueueReady => match self.queue_sel {
                Some(queue) => self.read_queue_ready(queue),
                None => self.unselected(Access::Read, offset),
            },
            Register::InterruptStatus => {
                self.interrupt_status | faults.register(|fault| lie(fault, Register::InterruptStatus)).unwrap_or(0)
            }
            Register::Status => self.read_status(),
            Register::ConfigGeneration => self.read_generation(),
            Register::SharedMemory => {
                self.violation(Violation::NeedlessRegister { access: Access::Read, offset });
                // There is none: 4.2.2.1 wants a length of all ones.
                u32::MAX
            }
            Register::QueueReset => {
                self.violation(Violation::NeedlessRegister { access: Access::Read, offset });
                0
            }
            // Write-only registers do not get here.
            _ => 0,
        }
    }

    fn write_register(&mut self, register: Register, offset: usize, value: u32) {
        match register {
            Register::DeviceFeaturesSel => self.device_features_sel = Some(value),
            Register::DriverFeaturesSel => self.driver_features_sel = Some(value),
            Register::DriverFeatures => match self.driver_features_sel {
                Some(half) => self.write_driver_features(half, value),
                None => drop(self.unselected(Access::Write, offset)),
            },
            Register::QueueSel => self.queue_sel = Some(value),
            Register::QueueSize | Register::QueueAddress(..) | Register::QueueReady => match self.queue_sel {
                Some(queue) => self.write_queue_register(queue, register, offset, value),
                None => drop(self.unselected(Access::Write, offset)),
            },
            Register::QueueNotify => self.notify(value),
            Register::InterruptAck => {
                let defined = VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG;
                if value & !defined != 0 {
                    self.violation(Violation::AcknowledgedUndefined { value });
                }
                self.interrupt_status &= !value;
            }
            Register::Status => self.write_status(value),
            Register::SharedMemory | Register::QueueReset => {
                self.violation(Violation::NeedlessRegister { access: Access::Write, offset });
            }
            // Read-only registers do not get here.
            _ => {}
        }
    }

    fn write_queue_register(&mut self, queue: u32, register: Register, offset: usize, value: u32) {
        if !self.may_configure(queue, offset, register == Register::QueueReady && value == 0) {
            return;
        }
        match register {
            Register::QueueSize => self.set_queue_size(queue, value),
            Register::QueueAddress(area, half) => self.set_queue_address(queue, area, half, value),
            _ if value == 0 => self.disable_queue(queue),
            _ => self.enable_queue(queue),
        }
    }

    fn unselected(&mut self, access: Access, offset: usize) -> u32 {
        self.violation(Violation::SelectorNotWritten { access, offset });
        0
    }
}

/// The value of `fault` where it is one of `register`.
fn lie(fault: RegisterFault, register: Register) -> Option<u32> {
    match (fault, register) {
        (RegisterFault::MagicValue(value), Register::MagicValue)
        | (RegisterFault::Version(value), Register::Version)
        | (RegisterFault::DeviceId(value), Register::DeviceId)
        | (RegisterFault::InterruptBits(value), Register::InterruptStatus) => Some(value),
        _ => None,
    }
}
