//! The registers.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::rc::Rc;

use aerostat_transport::{DmaDomain, Io};

use crate::width::accesses_by_width;

/// Offsets of the registers in bytes ("MMIO Device Register Layout", 4.2.2).
pub mod reg {
    /// MagicValue.
    pub const MAGIC: usize = 0x000;
    /// Version.
    pub const VERSION: usize = 0x004;
    /// DeviceID.
    pub const DEVICE_ID: usize = 0x008;
    /// DeviceFeatures.
    pub const DEVICE_FEATURES: usize = 0x010;
    /// DeviceFeaturesSel.
    pub const DEVICE_FEATURES_SEL: usize = 0x014;
    /// DriverFeatures.
    pub const DRIVER_FEATURES: usize = 0x020;
    /// DriverFeaturesSel.
    pub const DRIVER_FEATURES_SEL: usize = 0x024;
    /// GuestPageSize. Legacy interface only.
    pub const GUEST_PAGE_SIZE: usize = 0x028;
    /// QueueSel.
    pub const QUEUE_SEL: usize = 0x030;
    /// QueueSizeMax.
    pub const QUEUE_SIZE_MAX: usize = 0x034;
    /// QueueSize.
    pub const QUEUE_SIZE: usize = 0x038;
    /// QueueAlign. Legacy interface only.
    pub const QUEUE_ALIGN: usize = 0x03c;
    /// QueuePFN. Legacy interface only.
    pub const QUEUE_PFN: usize = 0x040;
    /// QueueReady.
    pub const QUEUE_READY: usize = 0x044;
    /// QueueNotify.
    pub const QUEUE_NOTIFY: usize = 0x050;
    /// InterruptStatus.
    pub const INTERRUPT_STATUS: usize = 0x060;
    /// InterruptACK.
    pub const INTERRUPT_ACK: usize = 0x064;
    /// Status.
    pub const STATUS: usize = 0x070;
    /// QueueDescLow and QueueDescHigh.
    pub const QUEUE_DESC: usize = 0x080;
    /// QueueDriverLow and QueueDriverHigh.
    pub const QUEUE_DRIVER: usize = 0x090;
    /// QueueDeviceLow and QueueDeviceHigh.
    pub const QUEUE_DEVICE: usize = 0x0a0;
    /// QueueReset.
    pub const QUEUE_RESET: usize = 0x0c0;
    /// SHMSel.
    pub const SHM_SEL: usize = 0x0ac;
    /// SHMLenLow and SHMLenHigh.
    pub const SHM_LEN: usize = 0x0b0;
    /// SHMBaseLow and SHMBaseHigh.
    pub const SHM_BASE: usize = 0x0b8;
    /// The last byte of SHMBaseHigh.
    pub const SHM_END: usize = 0x0bf;
    /// ConfigGeneration.
    pub const GENERATION: usize = 0x0fc;
    /// The configuration space.
    pub const CONFIG: usize = 0x100;
}

/// The unit of addresses and the alignment of the used ring on the legacy interface, in bytes.
const LEGACY_ALIGN: u64 = 4096;

/// One access of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterAccess {
    /// A read: offset and number of bits.
    Read(usize, u32),
    /// A write: offset, number of bits and value.
    Write(usize, u32, u32),
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy, Debug, Default)]
pub struct MmioQueue {
    /// The maximum size in descriptors; 0 if the queue does not exist.
    pub max: u32,
    /// The size in descriptors that the driver chose.
    pub size: u32,
    /// The value of QueueReady.
    pub ready: u32,
    /// The addresses of the descriptor area, the driver area and the device area.
    pub addresses: [u64; 3],
    /// The value of QueueAlign. Legacy interface only.
    pub align: u32,
    /// The value of QueuePFN. Legacy interface only.
    pub pfn: u32,
    /// The value of QueueReset.
    pub reset: u32,
}

/// The behaviour of a device when a queue is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resets {
    /// The reset has finished after this many reads of the register.
    After(u32),
    /// The reset does not finish.
    Never,
    /// The device ignores the register.
    Unknown,
}

/// Replaces a value that is read.
type Override = Box<dyn FnMut(u32) -> u32>;
/// Changes the configuration space and its generation.
type Change = Box<dyn FnMut(&mut Vec<u8>, &mut u32)>;

/// The values of the registers. A test can change each of them at any time.
#[non_exhaustive]
pub struct Model {
    /// The value of MagicValue.
    pub magic: u32,
    /// The value of Version: 1 for the legacy interface, 2 for the modern one.
    pub version: u32,
    /// The device id ("Device Types", 5).
    pub id: u32,
    /// The length of the register region in bytes.
    pub len: usize,
    /// The IOMMU domain of the device.
    pub domain: DmaDomain,
    /// The feature bits that the device offers.
    pub offered: u64,
    /// The feature bits that the driver accepted.
    pub accepted: u64,
    /// The device status.
    pub status: u32,
    /// Replaces the status that is read.
    pub status_override: Option<Override>,
    /// Bits of the status that a write does not set.
    pub ignored_status: u32,
    /// The queues. `queues[n].max = 0` removes a queue.
    pub queues: Vec<MmioQueue>,
    /// The configuration space. Bytes behind its end read as `0xff`.
    pub config: Vec<u8>,
    /// The value of ConfigGeneration.
    pub generation: u32,
    /// Runs at each read of the configuration space, before it.
    pub on_config_read: Option<Change>,
    /// The value of InterruptStatus. An acknowledgement clears bits.
    pub interrupt: u32,
    /// What the driver wrote to GuestPageSize.
    pub page_size: u32,
    /// How the reset of a single queue proceeds.
    pub resets: Resets,
    /// Addresses and lengths of the shared memory regions in bytes, by their ids.
    pub shared_memory: Vec<(u64, u64)>,
    /// All accesses so far.
    pub log: Vec<RegisterAccess>,
    features_sel: [u32; 2],
    queue_sel: usize,
    shared_memory_sel: usize,
}

/// Software registers of an MMIO device. They record each access. Clones access the same registers.
///
/// A device of version 1 has the registers of the legacy interface, and one of version 2 those of the modern interface. An access
/// to any other register panics, and so does an access of other than 32 bits outside the configuration space.
#[derive(Clone)]
pub struct SoftMmio(Rc<RefCell<Model>>);

impl SoftMmio {
    /// Returns the registers of a device with the type `id` ("Device Types", 5). It offers VERSION_1, and has four queues of at most
    /// 8 descriptors and 256 bytes of configuration space, all zero.
    pub fn new(id: u32) -> Self {
        Self(Rc::new(RefCell::new(Model {
            magic: 0x7472_6976,
            version: 2,
            id,
            len: 0x200,
            domain: DmaDomain::IDENTITY,
            offered: 1 << 32,
            accepted: 0,
            status: 0,
            status_override: None,
            ignored_status: 0,
            queues: vec![MmioQueue { max: 8, ..MmioQueue::default() }; 4],
            config: vec![0; 0x100],
            generation: 0,
            on_config_read: None,
            interrupt: 0,
            page_size: 0,
            resets: Resets::After(0),
            shared_memory: Vec::new(),
            log: Vec::new(),
            features_sel: [0; 2],
            queue_sel: 0,
            shared_memory_sel: 0,
        })))
    }

    /// Returns the registers of the same device with the legacy interface. It offers ANY_LAYOUT.
    pub fn legacy(id: u32) -> Self {
        let soft = Self::new(id);
        (soft.model().version, soft.model().offered) = (1, 1 << 27);
        soft
    }

    /// Returns the device, to inspect or change it. Release it before the driver accesses a register: the access panics otherwise.
    pub fn model(&self) -> RefMut<'_, Model> {
        self.0.borrow_mut()
    }

    /// Returns all accesses so far.
    pub fn log(&self) -> Vec<RegisterAccess> {
        self.model().log.clone()
    }

    /// Returns the values written to the register at `offset`.
    pub fn written(&self, offset: usize) -> Vec<u32> {
        let value = |access: &RegisterAccess| match *access {
            RegisterAccess::Write(at, _, value) if at == offset => Some(value),
            _ => None,
        };
        self.model().log.iter().filter_map(value).collect()
    }

    /// Returns the status values that were written.
    pub fn statuses(&self) -> Vec<u32> {
        self.written(reg::STATUS)
    }

    /// Returns the numbers of the queues that the driver has notified, in order.
    pub fn notified(&self) -> Vec<u32> {
        self.written(reg::QUEUE_NOTIFY)
    }

    /// Returns the position in the log of the first access that matches.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn place(&self, access: impl Fn(RegisterAccess) -> bool) -> usize {
        self.model().log.iter().position(|one| access(*one)).expect("the access was made")
    }

    fn read(&self, offset: usize, bits: u32) -> u32 {
        let model = &mut *self.model();
        model.log.push(RegisterAccess::Read(offset, bits));
        if offset >= reg::CONFIG {
            if let Some(mut change) = model.on_config_read.take() {
                change(&mut model.config, &mut model.generation);
                model.on_config_read = Some(change);
            }
            let at = offset - reg::CONFIG;
            let bytes = (0..bits as usize / 8).map(|byte| model.config.get(at + byte).copied().unwrap_or(0xff));
            return bytes.rev().fold(0, |value, byte| value << 8 | u32::from(byte));
        }
        assert_width(offset, bits);
        let queue = model.queues.get(model.queue_sel).copied().unwrap_or_default();
        let legacy = model.version == 1;
        match offset {
            reg::MAGIC => model.magic,
            reg::VERSION => model.version,
            reg::DEVICE_ID => model.id,
            reg::DEVICE_FEATURES => match model.features_sel[0] {
                half @ ..2 => (model.offered >> (32 * half)) as u32,
                _ => 0,
            },
            reg::QUEUE_SIZE_MAX => {
                assert_eq!(queue.pfn, 0, "QueueSizeMax was read while QueuePFN is not 0");
                queue.max
            }
            reg::QUEUE_PFN if legacy => queue.pfn,
            reg::QUEUE_READY if !legacy => queue.ready,
            reg::QUEUE_RESET if !legacy => model.read_reset(),
            reg::INTERRUPT_STATUS => model.interrupt,
            reg::STATUS => {
                let status = model.status;
                model.status_override.as_mut().map_or(status, |replace| replace(status))
            }
            reg::GENERATION if !legacy => model.generation,
            reg::SHM_LEN..=reg::SHM_END if !legacy => {
                let region = model.shared_memory.get(model.shared_memory_sel);
                let (base, len) = region.copied().unwrap_or((u64::MAX, u64::MAX));
                let value = if offset < reg::SHM_BASE { len } else { base };
                (value >> (8 * (offset & 4))) as u32
            }
            _ => panic!("the register at {offset:#x} was read"),
        }
    }

    fn write(&self, offset: usize, bits: u32, value: u32) {
        let model = &mut *self.model();
        model.log.push(RegisterAccess::Write(offset, bits, value));
        if offset >= reg::CONFIG {
            return model.write_config(offset - reg::CONFIG, bits, value);
        }
        assert_width(offset, bits);
        let legacy = model.version == 1;
        match offset {
            reg::DEVICE_FEATURES_SEL => model.features_sel[0] = value,
            reg::DRIVER_FEATURES_SEL => model.features_sel[1] = value,
            reg::DRIVER_FEATURES if model.features_sel[1] > 1 => {}
            reg::DRIVER_FEATURES => write_half(&mut model.accepted, 32 * model.features_sel[1], value),
            reg::INTERRUPT_ACK => model.interrupt &= !value,
            reg::STATUS => model.write_status(value),
            reg::QUEUE_NOTIFY => {}
            reg::QUEUE_SEL => model.queue_sel = value as usize,
            reg::QUEUE_SIZE => model.selected_queue().size = value,
            reg::SHM_SEL if !legacy => model.shared_memory_sel = value as usize,
            reg::GUEST_PAGE_SIZE if legacy => model.page_size = value,
            _ if legacy => model.selected_queue().write_legacy(offset, value),
            _ => model.selected_queue().write_modern(offset, value),
        }
    }
}

/// Checks an access of a register outside the configuration space ("Driver Requirements: MMIO Device Register Layout", 4.2.2.2).
fn assert_width(offset: usize, bits: u32) {
    assert!(bits == 32 && offset.is_multiple_of(4), "{bits} bits of the register at {offset:#x} were accessed");
}

/// Replaces the 32 bits of `word` from the bit `shift` on.
fn write_half(word: &mut u64, shift: u32, value: u32) {
    *word = *word & !(0xffff_ffff << shift) | u64::from(value) << shift;
}

impl MmioQueue {
    /// Writes a register that only the modern interface has.
    fn write_modern(&mut self, offset: usize, value: u32) {
        let part = match offset & !4 {
            _ if offset == reg::QUEUE_READY => return self.ready = value,
            _ if offset == reg::QUEUE_RESET => return self.reset = value,
            reg::QUEUE_DESC => 0,
            reg::QUEUE_DRIVER => 1,
            reg::QUEUE_DEVICE => 2,
            _ => panic!("the register at {offset:#x} was written"),
        };
        write_half(&mut self.addresses[part], 8 * (offset as u32 & 4), value);
    }

    /// Writes a register that only the legacy interface has.
    fn write_legacy(&mut self, offset: usize, value: u32) {
        match offset {
            reg::QUEUE_ALIGN => self.align = value,
            reg::QUEUE_PFN => {
                self.pfn = value;
                // "Legacy interfaces: a note on virtqueue layout", 2.7.2.
                let (table, size) = (u64::from(value) * LEGACY_ALIGN, u64::from(self.size));
                let available = table + 16 * size;
                self.addresses = [table, available, (available + 2 * (3 + size)).next_multiple_of(LEGACY_ALIGN)];
            }
            _ => panic!("the register at {offset:#x} was written"),
        }
    }
}

impl Model {
    fn selected_queue(&mut self) -> &mut MmioQueue {
        &mut self.queues[self.queue_sel]
    }

    fn write_config(&mut self, at: usize, bits: u32, value: u32) {
        let len = bits as usize / 8;
        self.config[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    }

    /// Writes the status. Zero resets the device.
    fn write_status(&mut self, value: u32) {
        self.status = value & !self.ignored_status;
        if value == 0 {
            // "MMIO Device Register Layout", 4.2.2.1.
            (self.accepted, self.interrupt) = (0, 0);
            for queue in &mut self.queues {
                *queue = MmioQueue { max: queue.max, ..MmioQueue::default() };
            }
        }
    }

    /// Returns the reset register of the queue, and counts down to the end of the reset.
    fn read_reset(&mut self) -> u32 {
        let queue = &mut self.queues[self.queue_sel];
        match (queue.reset, &mut self.resets) {
            (0, _) | (_, Resets::Unknown) => 0,
            (_, Resets::After(0)) => {
                *queue = MmioQueue { max: queue.max, ..MmioQueue::default() };
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

// SAFETY:
// * Every access is performed on the model, in order, and returns the value of the model.
// * A test that lets the model access memory, or changes its domain, is the device. It keeps to what the test is about.
// * A value is created with a model of its own, whose registers only its clones reach.
unsafe impl Io for SoftMmio {
    fn domain(&self) -> DmaDomain {
        self.model().domain
    }

    fn len(&self) -> usize {
        self.model().len
    }

    accesses_by_width!();
}

impl fmt::Debug for SoftMmio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftMmio")
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, id, offered, accepted, status, queues, .. } = self;
        let mut model = f.debug_struct("Model");
        model.field("version", version).field("id", id).field("offered", offered).field("accepted", accepted);
        model.field("status", status).field("queues", queues).finish_non_exhaustive()
    }
}
