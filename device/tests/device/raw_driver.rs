//! A minimal driver that writes registers and rings directly, so that it can break any rule.

mod bytes;
mod rings;

use std::cell::{RefCell, RefMut};
use std::ops::Range;

use aerostat_device::{BalloonDevice, Builder, GuestMemory, PAGE_BYTES, QueueKind, Registers, Violation, features};
use aerostat_transport::Io;

use super::FORMAT;
use crate::Format;
pub(crate) use bytes::{Bytes, from_bytes};
use rings::{Descriptor, Ring};

/// The features that the ring format requires.
pub(crate) const FORMAT_FEATURES: u64 = match FORMAT {
    Format::Split | Format::Legacy => 0,
    Format::Packed => features::RING_PACKED,
};

pub(crate) const INFLATE: u16 = 0;
pub(crate) const DEFLATE: u16 = 1;
/// Numbers of the specification.
pub(crate) const STATISTICS: u16 = 2;
pub(crate) const FREE_PAGE: u16 = 3;
pub(crate) const REPORTING: u16 = 4;

/// The statistics of the first buffer.
pub(crate) const PRIMED: [(u16, u64); 2] = [(4, 1 << 20), (5, 8 << 20)];
/// The poison value.
pub(crate) const POISON: u32 = 0xaaaa_5555;

/// Register offsets in bytes (4.2.2).
pub(crate) mod reg {
    pub(crate) const MAGIC: usize = 0x000;
    pub(crate) const VERSION: usize = 0x004;
    pub(crate) const DEVICE_ID: usize = 0x008;
    pub(crate) const DEVICE_FEATURES: usize = 0x010;
    pub(crate) const DEVICE_FEATURES_SEL: usize = 0x014;
    pub(crate) const DRIVER_FEATURES: usize = 0x020;
    pub(crate) const DRIVER_FEATURES_SEL: usize = 0x024;
    pub(crate) const GUEST_PAGE_SIZE: usize = 0x028;
    pub(crate) const QUEUE_SEL: usize = 0x030;
    pub(crate) const QUEUE_SIZE_MAX: usize = 0x034;
    pub(crate) const QUEUE_SIZE: usize = 0x038;
    pub(crate) const QUEUE_ALIGN: usize = 0x03c;
    pub(crate) const QUEUE_PFN: usize = 0x040;
    pub(crate) const QUEUE_READY: usize = 0x044;
    pub(crate) const QUEUE_NOTIFY: usize = 0x050;
    pub(crate) const INTERRUPT_STATUS: usize = 0x060;
    pub(crate) const INTERRUPT_ACK: usize = 0x064;
    pub(crate) const STATUS: usize = 0x070;
    pub(crate) const QUEUE_DESC: usize = 0x080;
    pub(crate) const QUEUE_DRIVER: usize = 0x090;
    pub(crate) const QUEUE_DEVICE: usize = 0x0a0;
    pub(crate) const SHM_LEN: usize = 0x0b0;
    pub(crate) const QUEUE_RESET: usize = 0x0c0;
    pub(crate) const GENERATION: usize = 0x0fc;
    pub(crate) const NUM_PAGES: usize = 0x100;
    pub(crate) const ACTUAL: usize = 0x104;
    pub(crate) const HINT_COMMAND: usize = 0x108;
    pub(crate) const POISON_VAL: usize = 0x10c;
}

pub(crate) const ACKNOWLEDGE: u32 = 1;
pub(crate) const DRIVER: u32 = 2;
pub(crate) const DRIVER_OK: u32 = 4;
pub(crate) const FEATURES_OK: u32 = 8;
pub(crate) const NEEDS_RESET: u32 = 0x40;
/// The status of a live device.
pub(crate) const LIVE: u32 = match FORMAT {
    Format::Legacy => ACKNOWLEDGE | DRIVER | DRIVER_OK,
    _ => ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK,
};

/// The memory of the queues: 64 KiB for each queue, from 2 MiB on. Rings first, then the buffers.
const AREA: u64 = 0x20_0000;
const AREA_BYTES: u64 = 0x1_0000;
pub(crate) const DRIVER_RING: u64 = if matches!(FORMAT, Format::Legacy) { 16 * SIZE as u64 } else { 0x1000 };
pub(crate) const DEVICE_RING: u64 = if matches!(FORMAT, Format::Legacy) { 0x1000 } else { 0x2000 };
const ARRAYS: u64 = 0x4000;
pub(crate) const SIZE: u16 = 8;

/// One entry of the used ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) id: u32,
    pub(crate) written: u32,
}

pub(crate) struct RawDriver<I> {
    pub(crate) io: I,
    pub(crate) memory: GuestMemory,
    queues: [RefCell<Ring>; 5],
    /// Offset in bytes from bus addresses to the device addresses of an IOMMU.
    pub(crate) mapped: u64,
}

/// Starts a device, and returns it with a driver that has not initialized it.
pub(crate) fn start(builder: Builder) -> (BalloonDevice, RawDriver<Registers>) {
    let device = builder.start().unwrap();
    let driver = RawDriver::new(device.registers(), device.memory());
    (device, driver)
}

/// Returns a live inline device and its driver.
pub(crate) fn live(builder: Builder) -> (BalloonDevice, RawDriver<Registers>) {
    let (device, mut driver) = start(builder.inline());
    driver.bring_up();
    (device, driver)
}

/// Returns a builder of a device with this ring format and 8 MiB of memory.
pub(crate) fn builder() -> Builder {
    let builder = BalloonDevice::builder().memory(8 << 20).add_features(FORMAT_FEATURES);
    if FORMAT == Format::Legacy { builder.legacy() } else { builder }
}

/// Returns a live inline device with the default features, and its driver.
pub(crate) fn live_8_mib() -> (BalloonDevice, RawDriver<Registers>) {
    live(builder())
}

/// Returns a live inline device with these balloon features and the queue numbers of the specification. Its driver has done
/// what the features require.
pub(crate) fn live_with(builder: Builder, features: u64) -> (BalloonDevice, RawDriver<Registers>) {
    live_in_mode(builder.inline(), features)
}

/// Like [`live_with`], in the mode of the builder.
pub(crate) fn live_in_mode(builder: Builder, features: u64) -> (BalloonDevice, RawDriver<Registers>) {
    let features = features | features::VERSION_1 | FORMAT_FEATURES;
    let (device, mut driver) = start(builder.memory(8 << 20).features(features));
    driver.accept_features(features);
    driver.set_up_queues(features);
    driver.set_driver_ok();
    if features & features::STATS_VQ != 0 {
        driver.notify(STATISTICS);
    }
    (device, driver)
}

/// Asserts that the driver broke exactly these rules.
#[track_caller]
pub(crate) fn assert_violations<V: Into<Violation>>(device: &BalloonDevice, expected: impl IntoIterator<Item = V>) {
    let expected: Vec<Violation> = expected.into_iter().map(Into::into).collect();
    assert_eq!(device.violations(), expected);
}

/// Asserts that the driver broke no rule.
#[track_caller]
pub(crate) fn assert_no_violations(device: &BalloonDevice) {
    assert_eq!(device.violations(), []);
}

impl<I: Io> RawDriver<I> {
    pub(crate) fn new(io: I, memory: &GuestMemory) -> Self {
        Self { io, memory: memory.clone(), queues: Self::rings(memory), mapped: 0 }
    }

    fn rings(memory: &GuestMemory) -> [RefCell<Ring>; 5] {
        [0, 1, 2, 3, 4].map(|queue| RefCell::new(Ring::new(memory, Self::area(queue))))
    }

    fn ring(&self, queue: u16) -> RefMut<'_, Ring> {
        self.queues[usize::from(queue)].borrow_mut()
    }

    pub(crate) fn identify(&self) -> [u32; 3] {
        [reg::MAGIC, reg::VERSION, reg::DEVICE_ID].map(|offset| self.io.read32(offset))
    }

    pub(crate) fn offered(&self) -> u64 {
        let half = |half| {
            self.io.write32(reg::DEVICE_FEATURES_SEL, half);
            u64::from(self.io.read32(reg::DEVICE_FEATURES))
        };
        half(0) | half(1) << 32
    }

    pub(crate) fn accept(&self, features: u64) {
        let halves = [(0, features as u32), (1, (features >> 32) as u32)];
        for (half, value) in halves.into_iter().take(if FORMAT == Format::Legacy { 1 } else { 2 }) {
            self.io.write32(reg::DRIVER_FEATURES_SEL, half);
            self.io.write32(reg::DRIVER_FEATURES, value);
        }
    }

    /// Resets the device, and negotiates these features and those of the ring format. Returns the resulting status.
    pub(crate) fn negotiate(&mut self, features: u64) -> u32 {
        self.identify();
        self.io.write32(reg::STATUS, 0);
        self.queues = Self::rings(&self.memory);
        if FORMAT == Format::Legacy {
            self.io.write32(reg::GUEST_PAGE_SIZE, PAGE_BYTES as u32);
        }
        let features = features | self.offered() & FORMAT_FEATURES;
        self.io.write32(reg::STATUS, ACKNOWLEDGE);
        self.io.write32(reg::STATUS, ACKNOWLEDGE | DRIVER);
        self.accept(features);
        if LIVE & FEATURES_OK != 0 {
            self.io.write32(reg::STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        }
        self.io.read32(reg::STATUS)
    }

    pub(crate) fn set_address(&self, register: usize, address: u64) {
        self.io.write32(register, address as u32);
        self.io.write32(register + 4, (address >> 32) as u32);
    }

    /// Returns the device address of a guest physical address.
    pub(crate) fn bus(&self, address: u64) -> u64 {
        self.memory.bus_address(address).wrapping_add(self.mapped)
    }

    pub(crate) fn area(queue: u16) -> u64 {
        AREA + u64::from(queue) * AREA_BYTES
    }

    /// Resets one queue (RING_RESET). Returns how many times QueueReset read 1.
    pub(crate) fn reset_queue(&mut self, queue: u16) -> u32 {
        self.io.write32(reg::QUEUE_SEL, queue.into());
        self.io.write32(reg::QUEUE_RESET, 1);
        let reads = (0..100).find(|_| self.io.read32(reg::QUEUE_RESET) == 0).unwrap();
        self.queues[usize::from(queue)] = RefCell::new(Ring::new(&self.memory, Self::area(queue)));
        reads
    }

    /// Writes all registers of a queue except QueueReady or QueuePFN.
    pub(crate) fn prepare_queue(&self, queue: u16) {
        let area = Self::area(queue);
        self.memory.write(area, &vec![0; AREA_BYTES as usize]).unwrap();
        self.io.write32(reg::QUEUE_SEL, queue.into());
        let legacy = FORMAT == Format::Legacy;
        assert_eq!(self.io.read32(if legacy { reg::QUEUE_PFN } else { reg::QUEUE_READY }), 0);
        assert!(self.io.read32(reg::QUEUE_SIZE_MAX) >= SIZE.into());
        self.io.write32(reg::QUEUE_SIZE, SIZE.into());
        if legacy {
            return self.io.write32(reg::QUEUE_ALIGN, PAGE_BYTES as u32);
        }
        let bus = self.bus(area);
        self.set_address(reg::QUEUE_DESC, bus);
        self.set_address(reg::QUEUE_DRIVER, bus + DRIVER_RING);
        self.set_address(reg::QUEUE_DEVICE, bus + DEVICE_RING);
    }

    pub(crate) fn set_up_queue(&self, queue: u16) {
        self.prepare_queue(queue);
        match FORMAT {
            Format::Legacy => self.io.write32(reg::QUEUE_PFN, (self.bus(Self::area(queue)) >> 12) as u32),
            _ => self.io.write32(reg::QUEUE_READY, 1),
        }
    }

    pub(crate) fn set_driver_ok(&self) {
        self.io.write32(reg::STATUS, LIVE);
    }

    /// Initializes the device from reset to DRIVER_OK, with the default features that it offers.
    pub(crate) fn bring_up(&mut self) {
        self.identify();
        let known = features::VERSION_1 | features::MUST_TELL_HOST;
        let features = self.offered() & known;
        self.bring_up_with(features);
    }

    pub(crate) fn bring_up_with(&mut self, features: u64) {
        assert_eq!(self.negotiate(features), LIVE & !DRIVER_OK);
        self.set_up_queue(INFLATE);
        self.set_up_queue(DEFLATE);
        self.set_driver_ok();
    }

    /// Negotiates these features, and writes the poison value if PAGE_POISON is one of them.
    pub(crate) fn accept_features(&mut self, features: u64) {
        assert_eq!(self.negotiate(features), LIVE & !DRIVER_OK);
        if features & features::PAGE_POISON != 0 {
            self.io.write32(reg::POISON_VAL, POISON);
        }
    }

    /// Negotiates these features, and returns which of the queues 0 to 5 exist.
    pub(crate) fn existing_queues(&mut self, features: u64) -> [bool; 6] {
        self.accept_features(features);
        [0, 1, 2, 3, 4, 5].map(|queue| {
            self.io.write32(reg::QUEUE_SEL, queue);
            self.io.read32(reg::QUEUE_SIZE_MAX) != 0
        })
    }

    /// Sets up all queues of these features, and adds the first statistics buffer.
    pub(crate) fn set_up_queues(&mut self, features: u64) {
        for (queue, kind) in (0..).zip(QueueKind::ALL) {
            if features & kind.feature() == kind.feature() {
                self.set_up_queue(queue);
            }
        }
        if features & features::STATS_VQ != 0 {
            self.add_statistics(0, &PRIMED);
        }
    }

    /// Adds a device-readable buffer with descriptor `index`, without a notification.
    pub(crate) fn add_bytes(&mut self, queue: u16, index: u16, bytes: &[u8]) {
        self.memory.write(Self::array(queue, index), bytes).unwrap();
        self.describe(queue, index, Self::array(queue, index), bytes.len() as u32, 0, 0);
        self.add_head(queue, index);
    }

    /// Adds a statistics buffer with descriptor `index`, without a notification.
    pub(crate) fn add_statistics(&mut self, index: u16, values: &[(u16, u64)]) {
        let entry = |&(tag, value): &(u16, u64)| [tag.bytes(), value.bytes()].concat();
        let bytes: Vec<u8> = values.iter().flat_map(entry).collect();
        self.add_bytes(STATISTICS, index, &bytes);
    }

    /// Adds page ranges as one device-writable chain from descriptor `index` on, without a notification.
    pub(crate) fn add_pages(&mut self, queue: u16, index: u16, ranges: &[Range<u64>]) {
        let last = index + ranges.len() as u16 - 1;
        for (index, range) in (index..).zip(ranges) {
            let (address, length) = (range.start * PAGE_BYTES, (range.end - range.start) * PAGE_BYTES);
            let flags = if index == last { 2 } else { 3 };
            self.describe(queue, index, address, length as u32, flags, index + 1);
        }
        self.add_head(queue, index);
    }

    /// Adds one page range with descriptor `index`, without a notification.
    pub(crate) fn add_run(&mut self, queue: u16, index: u16, range: Range<u64>) {
        self.add_pages(queue, index, std::slice::from_ref(&range));
    }

    /// Writes a descriptor. `address` is guest-physical.
    pub(crate) fn describe(&self, queue: u16, index: u16, address: u64, length: u32, flags: u16, next: u16) {
        let address = self.bus(address);
        self.ring(queue).describe(index, Descriptor { address, length, flags, next });
    }

    /// Adds a buffer with the indirect descriptor `index`, without a notification. `elements` has the address, the length and
    /// the flags of each table entry.
    pub(crate) fn add_indirect(&mut self, queue: u16, index: u16, elements: &[(u64, u32, u16)]) {
        let last = elements.len() as u16 - 1;
        let entry = |(next, &(address, length, flags)): (u16, &(u64, u32, u16))| {
            let address = self.bus(address);
            let (flags, next) = match FORMAT {
                Format::Packed => (7, flags),
                // All entries except the last one have NEXT.
                _ if next <= last => (flags | 1, next),
                _ => (flags, 0),
            };
            [address.bytes(), length.bytes(), flags.bytes(), next.bytes()].concat()
        };
        let table: Vec<u8> = (1..).zip(elements).flat_map(entry).collect();
        let at = Self::array(queue, index) + 0x800;
        self.memory.write(at, &table).unwrap();
        self.describe(queue, index, at, table.len() as u32, 4, 0);
        self.add_head(queue, index);
    }

    /// Adds a head to the available ring, without a notification.
    pub(crate) fn add_head(&mut self, queue: u16, head: u16) {
        self.ring(queue).add_head(head);
    }

    pub(crate) fn set_available_index(&self, queue: u16, index: u16) {
        self.ring(queue).set_index(index);
    }

    pub(crate) fn set_available_flags(&self, queue: u16, flags: u16) {
        self.ring(queue).set_flags(flags);
    }

    pub(crate) fn array(queue: u16, index: u16) -> u64 {
        Self::area(queue) + ARRAYS + u64::from(index) * 0x1000
    }

    /// Adds an array of page numbers with descriptor `index`, without a notification.
    pub(crate) fn add_array(&mut self, queue: u16, index: u16, pfns: &[u32]) {
        let bytes: Vec<u8> = pfns.iter().flat_map(|pfn| pfn.bytes()).collect();
        self.add_bytes(queue, index, &bytes);
    }

    pub(crate) fn notify(&self, queue: u16) {
        self.io.write32(reg::QUEUE_NOTIFY, queue.into());
    }

    /// Notifies with notification data (NOTIFICATION_DATA).
    pub(crate) fn notify_with_position(&self, queue: u16) {
        let position = self.ring(queue).position();
        self.io.write32(reg::QUEUE_NOTIFY, u32::from(queue) | u32::from(position) << 16);
    }

    /// Adds an array of page numbers with descriptor 0, and notifies.
    pub(crate) fn send(&mut self, queue: u16, pfns: &[u32]) {
        self.add_array(queue, 0, pfns);
        self.notify(queue);
    }

    pub(crate) fn read_u16(&self, address: u64) -> u16 {
        let mut bytes = [0; 2];
        self.memory.read(address, &mut bytes).unwrap();
        from_bytes(bytes)
    }

    pub(crate) fn used_flags(&self, queue: u16) -> u16 {
        self.ring(queue).flags()
    }

    pub(crate) fn used_index(&self, queue: u16) -> u16 {
        self.ring(queue).used_index()
    }

    /// Sets how many descriptors the next used entry of a packed ring stands for.
    pub(crate) fn expect_batch(&self, queue: u16, buffers: u16) {
        self.ring(queue).expect_batch(buffers);
    }

    /// Returns the first `count` used entries.
    pub(crate) fn used(&self, queue: u16, count: u16) -> Vec<Used> {
        self.ring(queue).used(count)
    }
}
