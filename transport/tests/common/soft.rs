//! A register file of the MMIO transport, which records each access. A device of version 1 has the registers of the legacy
//! interface, and one of version 2 those of the modern one: the driver that touches any other register panics.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

/// Offsets of the registers ("MMIO Device Register Layout", 4.2.2).
pub(crate) mod reg {
    pub(crate) const MAGIC: usize = 0x000;
    pub(crate) const VERSION: usize = 0x004;
    pub(crate) const DEVICE_ID: usize = 0x008;
    pub(crate) const DEVICE_FEATURES: usize = 0x010;
    pub(crate) const DEVICE_FEATURES_SEL: usize = 0x014;
    pub(crate) const DRIVER_FEATURES: usize = 0x020;
    pub(crate) const DRIVER_FEATURES_SEL: usize = 0x024;
    /// Legacy interface only.
    pub(crate) const GUEST_PAGE_SIZE: usize = 0x028;
    pub(crate) const QUEUE_SEL: usize = 0x030;
    pub(crate) const QUEUE_SIZE_MAX: usize = 0x034;
    pub(crate) const QUEUE_SIZE: usize = 0x038;
    /// Legacy interface only.
    pub(crate) const QUEUE_ALIGN: usize = 0x03c;
    /// Legacy interface only.
    pub(crate) const QUEUE_PFN: usize = 0x040;
    pub(crate) const QUEUE_READY: usize = 0x044;
    pub(crate) const QUEUE_NOTIFY: usize = 0x050;
    pub(crate) const INTERRUPT_STATUS: usize = 0x060;
    pub(crate) const INTERRUPT_ACK: usize = 0x064;
    pub(crate) const STATUS: usize = 0x070;
    pub(crate) const QUEUE_DESC: usize = 0x080;
    pub(crate) const QUEUE_DRIVER: usize = 0x090;
    pub(crate) const QUEUE_DEVICE: usize = 0x0a0;
    pub(crate) const QUEUE_RESET: usize = 0x0c0;
    pub(crate) const GENERATION: usize = 0x0fc;
    pub(crate) const CONFIG: usize = 0x100;
}

/// The unit of addresses and the alignment of the used ring on the legacy interface, in bytes.
const LEGACY_ALIGN: u64 = 4096;

/// One access of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// So many bits were read at an offset.
    Read(usize, u32),
    /// So many bits were written at an offset, and what.
    Write(usize, u32, u32),
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SoftQueue {
    pub(crate) max: u32,
    pub(crate) size: u32,
    pub(crate) ready: u32,
    /// Descriptors, driver area, device area.
    pub(crate) addresses: [u64; 3],
    /// Of a legacy queue.
    pub(crate) align: u32,
    pub(crate) pfn: u32,
    /// What QueueReset reads.
    pub(crate) reset: u32,
}

/// What a device does when it is to reset a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resets {
    /// It has done it when it was asked so many times more.
    After(u32),
    /// It never gets done.
    Never,
    /// It does not know the register.
    Unknown,
}

/// What a register says that lies.
type Lie = Box<dyn FnMut(u32) -> u32>;
/// What happens to the configuration space and to its generation.
type Change = Box<dyn FnMut(&mut Vec<u8>, &mut u32)>;

/// The device.
pub(crate) struct Model {
    pub(crate) magic: u32,
    pub(crate) version: u32,
    pub(crate) id: u32,
    pub(crate) len: usize,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) status: u32,
    /// Makes another value of the status that is read.
    pub(crate) status_lie: Option<Lie>,
    /// Bits of the status that a write does not set.
    pub(crate) refused_status: u32,
    pub(crate) queues: Vec<SoftQueue>,
    pub(crate) config: Vec<u8>,
    pub(crate) generation: u32,
    /// Happens at each read of the configuration space.
    pub(crate) on_config_read: Option<Change>,
    pub(crate) interrupt: u32,
    /// What the driver wrote to GuestPageSize.
    pub(crate) page_size: u32,
    pub(crate) resets: Resets,
    pub(crate) log: Vec<Touch>,
    features_sel: [u32; 2],
    queue_sel: usize,
}

/// Registers of a device in software. Clones reach the same ones.
#[derive(Clone)]
pub(crate) struct Soft(Rc<RefCell<Model>>);

impl Soft {
    /// The device `id`, which offers VERSION_1 and has four queues of at most 8 descriptors.
    pub(crate) fn new(id: u32) -> Self {
        Self(Rc::new(RefCell::new(Model {
            magic: 0x7472_6976,
            version: 2,
            id,
            len: 0x200,
            offered: 1 << 32,
            accepted: 0,
            status: 0,
            status_lie: None,
            refused_status: 0,
            queues: vec![SoftQueue { max: 8, ..SoftQueue::default() }; 4],
            config: vec![0; 0x100],
            generation: 0,
            on_config_read: None,
            interrupt: 0,
            page_size: 0,
            resets: Resets::After(0),
            log: Vec::new(),
            features_sel: [0; 2],
            queue_sel: 0,
        })))
    }

    /// The same device with the legacy interface; it offers ANY_LAYOUT.
    pub(crate) fn legacy(id: u32) -> Self {
        let soft = Self::new(id);
        (soft.model().version, soft.model().offered) = (1, 1 << 27);
        soft
    }

    /// The device, to look at and to change.
    pub(crate) fn model(&self) -> RefMut<'_, Model> {
        self.0.borrow_mut()
    }

    /// What the driver did so far.
    pub(crate) fn log(&self) -> Vec<Touch> {
        self.model().log.clone()
    }

    /// What the driver wrote to the register at `offset`.
    pub(crate) fn written(&self, offset: usize) -> Vec<u32> {
        let value = |touch: &Touch| match *touch {
            Touch::Write(at, _, value) if at == offset => Some(value),
            _ => None,
        };
        self.model().log.iter().filter_map(value).collect()
    }

    /// The status values that were written.
    pub(crate) fn statuses(&self) -> Vec<u32> {
        self.written(reg::STATUS)
    }

    /// Where in the log an access stands first.
    pub(crate) fn place(&self, touch: impl Fn(Touch) -> bool) -> usize {
        self.model().log.iter().position(|one| touch(*one)).expect("the access was made")
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        let model = &mut *self.model();
        model.log.push(Touch::Read(offset, bits));
        if offset >= reg::CONFIG {
            if let Some(mut change) = model.on_config_read.take() {
                change(&mut model.config, &mut model.generation);
                model.on_config_read = Some(change);
            }
            let at = offset - reg::CONFIG;
            let bytes = (0..bits as usize / 8).map(|byte| model.config.get(at + byte).copied().unwrap_or(0xff));
            return bytes.rev().fold(0, |value, byte| value << 8 | u32::from(byte));
        }
        let queue = model.queues.get(model.queue_sel).copied().unwrap_or_default();
        let legacy = model.version == 1;
        match offset {
            reg::MAGIC => model.magic,
            reg::VERSION => model.version,
            reg::DEVICE_ID => model.id,
            reg::DEVICE_FEATURES => (model.offered >> (32 * model.features_sel[0])) as u32,
            reg::QUEUE_SIZE_MAX => {
                assert_eq!(queue.pfn, 0, "QueueSizeMax was read while QueuePFN is not 0");
                queue.max
            }
            reg::QUEUE_PFN if legacy => queue.pfn,
            reg::QUEUE_READY if !legacy => queue.ready,
            reg::QUEUE_RESET if !legacy => model.ask_reset(),
            reg::INTERRUPT_STATUS => model.interrupt,
            reg::STATUS => {
                let status = model.status;
                model.status_lie.as_mut().map_or(status, |lie| lie(status))
            }
            reg::GENERATION if !legacy => model.generation,
            _ => panic!("the register at {offset:#x} was read"),
        }
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        let model = &mut *self.model();
        model.log.push(Touch::Write(offset, bits, value));
        if offset >= reg::CONFIG {
            let at = offset - reg::CONFIG;
            model.config[at..at + bits as usize / 8].copy_from_slice(&value.to_le_bytes()[..bits as usize / 8]);
            return;
        }
        let (sel, shift) = (model.queue_sel, 32 * model.features_sel[1]);
        let legacy = model.version == 1;
        match offset {
            reg::DEVICE_FEATURES_SEL => model.features_sel[0] = value,
            reg::DRIVER_FEATURES_SEL => model.features_sel[1] = value,
            reg::DRIVER_FEATURES => {
                model.accepted = model.accepted & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
            reg::QUEUE_SEL => model.queue_sel = value as usize,
            reg::QUEUE_SIZE => model.queues[sel].size = value,
            reg::GUEST_PAGE_SIZE if legacy => model.page_size = value,
            reg::QUEUE_ALIGN if legacy => model.queues[sel].align = value,
            reg::QUEUE_PFN if legacy => {
                let queue = &mut model.queues[sel];
                queue.pfn = value;
                // "Legacy interfaces: a note on virtqueue layout", 2.7.2.
                let (table, size) = (u64::from(value) * LEGACY_ALIGN, u64::from(queue.size));
                let available = table + 16 * size;
                queue.addresses = [table, available, (available + 2 * (3 + size)).next_multiple_of(LEGACY_ALIGN)];
            }
            reg::QUEUE_READY if !legacy => model.queues[sel].ready = value,
            reg::QUEUE_RESET if !legacy => model.queues[sel].reset = value,
            reg::QUEUE_NOTIFY => {}
            reg::INTERRUPT_ACK => model.interrupt &= !value,
            reg::STATUS if value == 0 => {
                model.status = 0;
                model.accepted = 0;
                for queue in &mut model.queues {
                    *queue = SoftQueue { max: queue.max, ..SoftQueue::default() };
                }
            }
            reg::STATUS => model.status = value & !model.refused_status,
            _ => {
                let (part, high) = match offset & !4 {
                    reg::QUEUE_DESC if !legacy => (0, offset & 4),
                    reg::QUEUE_DRIVER if !legacy => (1, offset & 4),
                    reg::QUEUE_DEVICE if !legacy => (2, offset & 4),
                    _ => panic!("the register at {offset:#x} was written"),
                };
                let (address, shift) = (&mut model.queues[sel].addresses[part], 8 * high);
                *address = *address & !(0xffff_ffff << shift) | u64::from(value) << shift;
            }
        }
    }
}

impl Model {
    /// The driver asks whether the reset of the queue is done.
    fn ask_reset(&mut self) -> u32 {
        let queue = &mut self.queues[self.queue_sel];
        match (queue.reset, &mut self.resets) {
            (0, _) | (_, Resets::Unknown) => 0,
            (_, Resets::After(0)) => {
                *queue = SoftQueue { max: queue.max, ..SoftQueue::default() };
                0
            }
            (_, Resets::After(left)) => {
                *left -= 1;
                1
            }
            (_, Resets::Never) => 1,
        }
    }
}

/// Makes registers of what has a `model` of a `len`, and a `read` and a `write` that are told of how many bits.
macro_rules! registers_of_a_model {
    ($name:ident) => {
        // SAFETY: every access reaches the model, in order; no memory is lent by what it answers.
        unsafe impl aerostat_transport::Io for $name {
            fn len(&self) -> usize {
                self.model().len
            }

            fn read8(&self, offset: usize) -> u8 {
                self.read(offset, 8) as u8
            }

            fn read16(&self, offset: usize) -> u16 {
                self.read(offset, 16) as u16
            }

            fn read32(&self, offset: usize) -> u32 {
                self.read(offset, 32)
            }

            fn write8(&self, offset: usize, value: u8) {
                self.write(offset, 8, value.into());
            }

            fn write16(&self, offset: usize, value: u16) {
                self.write(offset, 16, value.into());
            }

            fn write32(&self, offset: usize, value: u32) {
                self.write(offset, 32, value);
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

registers_of_a_model!(Soft);
