//! The register file of the MMIO transport: section 4.2.2, and 4.2.4 for the legacy interface.

use virtio_bindings::virtio_ids::VIRTIO_ID_BALLOON;
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};

use super::register::Register;
use super::{Interface, State, features};
use crate::misbehave::RegisterFault;
use crate::violation::{Access, Violation};

/// "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// "AERO": nobody is meant to look at it.
const VENDOR: u32 = 0x4f52_4541;

/// Where the configuration space starts.
pub(crate) const CONFIG: usize = VIRTIO_MMIO_CONFIG as usize;

/// The three registers that identify a device, in the order in which they are read: this many make it known.
const IDENTIFIED: u8 = 0b111;

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
        self.note_stopped();
    }

    /// What the access reaches, if it is one that the specification allows.
    fn place(&mut self, access: Access, offset: usize, bits: u32) -> Option<Place> {
        let aligned = offset & !3;
        let config = aligned.checked_sub(CONFIG);
        let register = match config {
            Some(field) if field >= self.config_len() => None,
            Some(field) => Some(Place::Config(field)),
            None => Register::at(aligned, self.options.interface).map(Place::Register),
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
        let version = match self.options.interface {
            Interface::Modern => 2,
            Interface::Legacy => 1,
        };
        match register {
            Register::MagicValue => faults.register(|fault| lie(fault, Register::MagicValue)).unwrap_or(MAGIC),
            Register::Version => faults.register(|fault| lie(fault, Register::Version)).unwrap_or(version),
            Register::DeviceId => faults.register(|fault| lie(fault, Register::DeviceId)).unwrap_or(VIRTIO_ID_BALLOON),
            Register::VendorId => VENDOR,
            Register::DeviceFeatures => match self.device_features_sel {
                Some(half) => self.read_device_features(half),
                None => self.unselected(Access::Read, offset),
            },
            Register::QueueSizeMax => match self.queue_sel {
                Some(queue) => self.read_queue_size_max(queue, offset),
                None => self.unselected(Access::Read, offset),
            },
            Register::QueueReady => match self.queue_sel {
                Some(queue) => self.read_queue_ready(queue),
                None => self.unselected(Access::Read, offset),
            },
            Register::QueuePfn => match self.queue_sel {
                Some(queue) => self.read_queue_pfn(queue),
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
            Register::QueueReset if !self.negotiated(features::RING_RESET) => {
                self.violation(Violation::NeedlessRegister { access: Access::Read, offset });
                0
            }
            Register::QueueReset => match self.queue_sel {
                Some(queue) => self.read_queue_reset(queue),
                None => self.unselected(Access::Read, offset),
            },
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
            Register::GuestPageSize => self.set_guest_page_size(value),
            Register::QueueSize
            | Register::QueueAddress(..)
            | Register::QueueReady
            | Register::QueueAlign
            | Register::QueuePfn => match self.queue_sel {
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
            Register::QueueReset if self.negotiated(features::RING_RESET) => match self.queue_sel {
                Some(queue) => self.write_queue_reset(queue, value),
                None => drop(self.unselected(Access::Write, offset)),
            },
            Register::SharedMemory | Register::QueueReset => {
                self.violation(Violation::NeedlessRegister { access: Access::Write, offset });
            }
            // Read-only registers do not get here.
            _ => {}
        }
    }

    fn write_queue_register(&mut self, queue: u32, register: Register, offset: usize, value: u32) {
        let takes_away = matches!(register, Register::QueueReady | Register::QueuePfn) && value == 0;
        if !self.may_configure(queue, offset, takes_away) {
            return;
        }
        match register {
            Register::QueueSize => self.set_queue_size(queue, value),
            Register::QueueAddress(area, half) => self.set_queue_address(queue, area, half, value),
            Register::QueueAlign => self.set_queue_align(queue, value),
            _ if takes_away => self.disable_queue(queue),
            Register::QueuePfn => self.enable_legacy_queue(queue, value),
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
