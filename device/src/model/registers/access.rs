//! Reads and writes of the register file: checks, then dispatch.

use virtio_bindings::virtio_ids::VIRTIO_ID_BALLOON;
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};

use super::super::features;
use super::super::options::Interface;
use super::super::state::State;
use super::register::Register;
use crate::violation::{Access, RegisterViolation};

/// The value of MagicValue: "virt", little-endian.
const MAGIC: u32 = 0x7472_6976;
/// The value of VendorID: "AERO". Drivers ignore it.
const VENDOR: u32 = 0x4f52_4541;

/// Offset in bytes of the configuration space.
pub(crate) const CONFIG: usize = VIRTIO_MMIO_CONFIG as usize;

/// Bits of [`State::identified`]: the registers that a driver reads first (4.2.3.1.1).
const MAGIC_READ: u8 = 1 << 0;
const VERSION_READ: u8 = 1 << 1;
const DEVICE_ID_READ: u8 = 1 << 2;
const BEFORE_DEVICE_ID: u8 = MAGIC_READ | VERSION_READ;
const IDENTIFIED: u8 = BEFORE_DEVICE_ID | DEVICE_ID_READ;

/// What an access reaches.
enum Target {
    Register(Register),
    /// A field of the configuration space, by its offset in bytes.
    Config(usize),
}

impl State {
    /// Reads `bits` bits at `offset`: 0 if the access is invalid, all ones if the device was removed.
    pub(crate) fn read(&mut self, offset: usize, bits: u32) -> u32 {
        if self.is_removed {
            return u32::MAX;
        }
        match self.check_access(Access::Read, offset, bits) {
            Some(Target::Register(register)) => self.read_register(register, offset),
            Some(Target::Config(field)) => self.read_config(field),
            None => 0,
        }
    }

    /// Writes `bits` bits at `offset`: no effect if the access is invalid.
    pub(crate) fn write(&mut self, offset: usize, bits: u32, value: u32) {
        if self.is_removed {
            return;
        }
        match self.check_access(Access::Write, offset, bits) {
            Some(Target::Register(register)) => self.write_register(register, offset, value),
            Some(Target::Config(field)) => self.write_config(field, value),
            None => {}
        }
        self.report_unmapped();
    }

    /// Returns what the access reaches, or records a violation and returns `None` if the access is invalid.
    fn check_access(&mut self, access: Access, offset: usize, bits: u32) -> Option<Target> {
        let aligned = offset & !3;
        let Some(target) = self.find_target(aligned) else {
            self.violation(RegisterViolation::Undefined { access, offset });
            return None;
        };
        if bits != 32 || offset != aligned {
            self.violation(RegisterViolation::WrongWidth { access, offset, bits });
            return None;
        }
        if let Target::Register(register) = target
            && !register.allows(access)
        {
            self.violation(RegisterViolation::WrongDirection { access, offset });
            return None;
        }
        self.check_identification(&target, access, offset);
        Some(target)
    }

    fn find_target(&self, offset: usize) -> Option<Target> {
        match offset.checked_sub(CONFIG) {
            Some(field) => (field < self.config_len()).then_some(Target::Config(field)),
            None => Register::at(offset, self.options.interface).map(Target::Register),
        }
    }

    /// Checks that the driver identifies the device before any other access.
    fn check_identification(&mut self, target: &Target, access: Access, offset: usize) {
        match target {
            Target::Register(Register::MagicValue) => self.identified |= MAGIC_READ,
            Target::Register(Register::Version) => self.identified |= VERSION_READ,
            // Counts only after the other two, which may be read in any order.
            Target::Register(Register::DeviceId) if self.identified & BEFORE_DEVICE_ID == BEFORE_DEVICE_ID => {
                self.identified |= DEVICE_ID_READ;
            }
            Target::Register(Register::DeviceId | Register::VendorId) => {}
            _ if self.identified != IDENTIFIED => {
                self.violation(RegisterViolation::NotIdentified { access, offset });
                // Records the violation once.
                self.identified = IDENTIFIED;
            }
            _ => {}
        }
    }

    fn read_register(&mut self, register: Register, offset: usize) -> u32 {
        match register {
            Register::MagicValue | Register::Version | Register::DeviceId | Register::VendorId => {
                self.read_identification(register)
            }
            Register::DeviceFeatures => {
                let half = self.selected(self.device_features_sel, Access::Read, offset);
                half.map_or(0, |half| self.read_device_features(half))
            }
            Register::InterruptStatus => self.interrupt_status | self.faults.interrupt_bits().unwrap_or(0),
            Register::Status => self.read_status(),
            Register::ConfigGeneration => self.read_generation(),
            Register::SharedMemory => {
                self.violation(RegisterViolation::NotImplemented { access: Access::Read, offset });
                // The length of a region that does not exist reads all ones (4.2.2.1).
                u32::MAX
            }
            Register::QueueReset if !self.negotiated(features::RING_RESET) => {
                self.violation(RegisterViolation::NotImplemented { access: Access::Read, offset });
                0
            }
            Register::QueueSizeMax | Register::QueueReady | Register::QueuePfn | Register::QueueReset => {
                let queue = self.selected(self.queue_sel, Access::Read, offset);
                queue.map_or(0, |queue| self.read_queue_register(queue, register, offset))
            }
            // `check_access` rejects reads of write-only registers.
            _ => 0,
        }
    }

    fn read_identification(&self, register: Register) -> u32 {
        let version = match self.options.interface {
            Interface::Modern => 2,
            Interface::Legacy => 1,
        };
        match register {
            Register::MagicValue => self.faults.magic_value().unwrap_or(MAGIC),
            Register::Version => self.faults.version().unwrap_or(version),
            Register::DeviceId => self.faults.device_id().unwrap_or(VIRTIO_ID_BALLOON),
            _ => VENDOR,
        }
    }

    fn read_queue_register(&mut self, queue: u32, register: Register, offset: usize) -> u32 {
        match register {
            Register::QueueSizeMax => self.read_queue_size_max(queue, offset),
            Register::QueueReady => self.read_queue_ready(queue),
            Register::QueuePfn => self.read_queue_pfn(queue),
            _ => self.read_queue_reset(queue),
        }
    }

    fn write_register(&mut self, register: Register, offset: usize, value: u32) {
        match register {
            Register::DeviceFeaturesSel => self.device_features_sel = Some(value),
            Register::DriverFeaturesSel => self.driver_features_sel = Some(value),
            Register::QueueSel => self.queue_sel = Some(value),
            Register::DriverFeatures => {
                if let Some(half) = self.selected(self.driver_features_sel, Access::Write, offset) {
                    self.write_driver_features(half, value);
                }
            }
            Register::GuestPageSize => self.set_guest_page_size(value),
            Register::QueueNotify => self.notify(value),
            Register::InterruptAck => self.acknowledge_interrupt(value),
            Register::Status => self.write_status(value),
            Register::SharedMemory => {
                self.violation(RegisterViolation::NotImplemented { access: Access::Write, offset });
            }
            Register::QueueReset if !self.negotiated(features::RING_RESET) => {
                self.violation(RegisterViolation::NotImplemented { access: Access::Write, offset });
            }
            Register::QueueSize
            | Register::QueueAddress(..)
            | Register::QueueReady
            | Register::QueueAlign
            | Register::QueuePfn
            | Register::QueueReset => {
                if let Some(queue) = self.selected(self.queue_sel, Access::Write, offset) {
                    self.write_queue_register(queue, register, offset, value);
                }
            }
            // `check_access` rejects writes of read-only registers.
            _ => {}
        }
    }

    fn write_queue_register(&mut self, queue: u32, register: Register, offset: usize, value: u32) {
        if register == Register::QueueReset {
            return self.write_queue_reset(queue, value);
        }
        let disables = matches!(register, Register::QueueReady | Register::QueuePfn) && value == 0;
        if !self.may_configure(queue, offset, disables) {
            return;
        }
        match register {
            Register::QueueSize => self.set_queue_size(queue, value),
            Register::QueueAddress(area, half) => self.set_queue_address(queue, area, half, value),
            Register::QueueAlign => self.set_queue_align(queue, value),
            _ if disables => self.disable_queue(queue),
            Register::QueuePfn => self.enable_legacy_queue(queue, value),
            _ => self.enable_queue(queue),
        }
    }

    fn acknowledge_interrupt(&mut self, value: u32) {
        let defined = VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG;
        if value & !defined != 0 {
            self.violation(RegisterViolation::AcknowledgedUndefined { value });
        }
        self.interrupt_status &= !value;
    }

    /// Returns the value of a selector, or records a violation if the driver has not written it.
    fn selected(&mut self, selector: Option<u32>, access: Access, offset: usize) -> Option<u32> {
        if selector.is_none() {
            self.violation(RegisterViolation::SelectorNotWritten { access, offset });
        }
        selector
    }
}
