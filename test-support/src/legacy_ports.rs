//! Software registers of the legacy interface in an I/O BAR, which record each access. An access to another register or in another
//! width panics.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use aerostat_device::accesses_by_width;
use aerostat_transport::Io;

use crate::RegisterAccess;

/// Offsets of the registers ("Legacy Interfaces: A Note on PCI Device Layout", 4.1.4.10).
pub mod reg {
    pub const DEVICE_FEATURES: usize = 0;
    pub const DRIVER_FEATURES: usize = 4;
    pub const QUEUE_ADDRESS: usize = 8;
    pub const QUEUE_SIZE: usize = 12;
    pub const QUEUE_SELECT: usize = 14;
    pub const QUEUE_NOTIFY: usize = 16;
    pub const STATUS: usize = 18;
    pub const ISR: usize = 19;
    pub const CONFIG_VECTOR: usize = 20;
    pub const QUEUE_VECTOR: usize = 22;
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug)]
pub struct LegacyQueue {
    pub size: u16,
    pub pfn: u32,
    pub vector: u16,
}

/// The device.
pub struct Model {
    pub offered: u32,
    pub accepted: u32,
    pub status: u8,
    pub isr: u8,
    pub queues: Vec<LegacyQueue>,
    select: usize,
    pub config_vector: u16,
    /// Vectors from this one are rejected. `None` without MSI-X, when the vector registers do not exist.
    pub vectors: Option<u16>,
    /// Overrides the status that is read.
    pub stuck: Option<u8>,
    pub len: usize,
    pub log: Vec<RegisterAccess>,
}

/// Software registers. Clones access the same registers.
#[derive(Clone)]
pub struct LegacyPorts(Rc<RefCell<Model>>);

impl LegacyPorts {
    /// Two queues of 8 descriptors; ANY_LAYOUT is offered.
    pub fn new() -> Self {
        let queue = LegacyQueue { size: 8, pfn: 0, vector: 0xffff };
        Self(Rc::new(RefCell::new(Model {
            offered: 1 << 27,
            accepted: 0,
            status: 0,
            isr: 0,
            queues: vec![queue; 2],
            select: 0,
            config_vector: 0xffff,
            vectors: None,
            stuck: None,
            len: 0x40,
            log: Vec::new(),
        })))
    }

    /// Returns the device, to inspect or change it.
    pub fn model(&self) -> RefMut<'_, Model> {
        self.0.borrow_mut()
    }

    /// Returns the values written to the register at `offset`.
    pub fn written(&self, offset: usize) -> Vec<u32> {
        let value = |access: &RegisterAccess| match *access {
            RegisterAccess::Write(at, _, value) if at == offset => Some(value),
            _ => None,
        };
        self.model().log.iter().filter_map(value).collect()
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        let model = &mut *self.model();
        model.log.push(RegisterAccess::Read(offset, bits));
        let header = if model.vectors.is_some() { 24 } else { 20 };
        if offset >= header {
            // Each byte of the configuration space reads as its offset.
            let bytes = (0..bits as usize / 8).map(|byte| (offset - header + byte) as u8);
            return bytes.rev().fold(0, |value, byte| value << 8 | u32::from(byte));
        }
        let queue = model.queues.get(model.select);
        match (offset, bits) {
            (reg::DEVICE_FEATURES, 32) => model.offered,
            (reg::QUEUE_ADDRESS, 32) => queue.map_or(0, |queue| queue.pfn),
            (reg::QUEUE_SIZE, 16) => queue.map_or(0, |queue| queue.size.into()),
            (reg::STATUS, 8) => model.stuck.unwrap_or(model.status).into(),
            (reg::ISR, 8) => std::mem::take(&mut model.isr).into(),
            (reg::CONFIG_VECTOR, 16) => model.config_vector.into(),
            (reg::QUEUE_VECTOR, 16) => queue.map_or(0xffff, |queue| queue.vector.into()),
            _ => panic!("{bits} bits read at {offset}"),
        }
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        let model = &mut *self.model();
        model.log.push(RegisterAccess::Write(offset, bits, value));
        if offset >= if model.vectors.is_some() { 24 } else { 20 } {
            return;
        }
        let accepted = if value < u32::from(model.vectors.unwrap_or(0)) { value as u16 } else { 0xffff };
        match (offset, bits, model.queues.get_mut(model.select)) {
            (reg::DRIVER_FEATURES, 32, _) => model.accepted = value,
            (reg::QUEUE_ADDRESS, 32, Some(queue)) => queue.pfn = value,
            (reg::QUEUE_SELECT, 16, _) => model.select = value as usize,
            (reg::QUEUE_NOTIFY, 16, _) => {}
            (reg::STATUS, 8, _) => {
                model.status = value as u8;
                if value == 0 {
                    (model.accepted, model.config_vector) = (0, 0xffff);
                    model.queues.iter_mut().for_each(|queue| (queue.pfn, queue.vector) = (0, 0xffff));
                }
            }
            (reg::CONFIG_VECTOR, 16, _) => model.config_vector = accepted,
            (reg::QUEUE_VECTOR, 16, Some(queue)) => queue.vector = accepted,
            _ => panic!("{bits} bits written at {offset}: {value:#x}"),
        }
    }
}

// SAFETY: every access is performed on the model, in order; the model accesses no memory.
unsafe impl Io for LegacyPorts {
    fn len(&self) -> usize {
        self.model().len
    }

    accesses_by_width!();
}

impl std::fmt::Debug for LegacyPorts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LegacyPorts")
    }
}
