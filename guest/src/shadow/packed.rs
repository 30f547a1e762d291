//! The shadow of a packed ring.

use core::mem::offset_of;

use aerostat_transport::spec::ring::{DescFlags, EventSuppress, PackedDesc};

use super::area::{Area, Source};
use super::buffer::Buffer;
use super::kept::{Chain, Kept, MOST_PARTS, Part};

const DESC: usize = size_of::<PackedDesc>();

/// A slot of the ring, with the wrap counter there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    slot: u16,
    wrap: bool,
}

impl Cursor {
    const START: Self = Self { slot: 0, wrap: true };

    const fn next(self, size: u16) -> Self {
        if self.slot + 1 == size {
            Self { slot: 0, wrap: !self.wrap }
        } else {
            Self { slot: self.slot + 1, wrap: self.wrap }
        }
    }

    /// Returns the flags of the descriptor here.
    fn flags(self, ring: Area) -> DescFlags {
        DescFlags::from_bits(ring.load(self.offset(offset_of!(PackedDesc, flags))))
    }

    fn offset(self, field: usize) -> usize {
        DESC * usize::from(self.slot) + field
    }
}

/// The ring of the driver and that of the device.
#[derive(Debug)]
pub(super) struct Packed {
    size: u16,
    driver: Area,
    device: Area,
    /// The next descriptor that the driver makes available.
    sent: Cursor,
    /// The next descriptor that the device marks as used.
    received: Cursor,
    /// The device has used a buffer that it did not have, so the place of the next used buffer is unknown.
    is_lost: bool,
}

impl Packed {
    /// Returns the lengths of the parts of the ring in bytes: the descriptors, and the event suppression of the driver and of the device.
    /// Zeros in the latter enable all notifications.
    pub(super) const fn lengths(size: u16) -> [usize; 3] {
        [DESC * size as usize, size_of::<EventSuppress>(), size_of::<EventSuppress>()]
    }

    pub(super) const fn new(size: u16, driver: Area, device: Area) -> Self {
        Self { size, driver, device, sent: Cursor::START, received: Cursor::START, is_lost: false }
    }

    /// Gives the device the buffers that the driver has made available.
    pub(super) fn send(&mut self, kept: &mut Kept) {
        for _ in 0..self.size {
            let flags = self.sent.flags(self.driver);
            if flags.avail() != self.sent.wrap || flags.used() == self.sent.wrap {
                break;
            }
            self.send_buffer(kept);
        }
    }

    fn send_buffer(&mut self, kept: &mut Kept) {
        let head = self.sent;
        let head_flags = head.flags(self.driver);
        let mut chain = Chain::EMPTY;
        for _ in 0..self.size {
            let at = self.sent;
            let descriptor: PackedDesc = self.driver.read(at.offset(0));
            let flags = DescFlags::from_bits(descriptor.flags.get());
            chain.count();
            keep(kept, &mut chain, &descriptor);
            self.device.write(at.offset(offset_of!(PackedDesc, addr)), descriptor.addr);
            self.device.write(at.offset(offset_of!(PackedDesc, len)), descriptor.len);
            self.device.write(at.offset(offset_of!(PackedDesc, id)), descriptor.id);
            // Those of the first descriptor publish the buffer.
            if at != head {
                self.device.store(at.offset(offset_of!(PackedDesc, flags)), descriptor.flags.get());
            }
            self.sent = at.next(self.size);
            if !flags.next() {
                kept.insert(descriptor.id.get(), chain);
                break;
            }
        }
        self.device.store(head.offset(offset_of!(PackedDesc, flags)), head_flags.into_bits());
    }

    /// Logs the buffers that the device has used, and then gives them back to the driver. Returns whether there are any.
    pub(super) fn receive(&mut self, kept: &mut Kept, mut log: impl FnMut(Buffer<'_>)) -> bool {
        let mut has_received = false;
        for _ in 0..self.size {
            let at = self.received;
            let flags = at.flags(self.device);
            if self.is_lost || flags.avail() != at.wrap || flags.used() != at.wrap {
                break;
            }
            has_received = true;
            let PackedDesc { len, id, .. } = self.device.read(at.offset(0));
            if let Some(parts) = kept.parts(id.get()) {
                log(Buffer { parts, written: len.get() });
            }
            self.driver.write(at.offset(offset_of!(PackedDesc, len)), len);
            self.driver.write(at.offset(offset_of!(PackedDesc, id)), id);
            self.driver.store(at.offset(offset_of!(PackedDesc, flags)), flags.into_bits());
            let descriptors = kept.remove(id.get());
            (0..descriptors).for_each(|_| self.received = self.received.next(self.size));
            // The driver reports the error.
            self.is_lost = descriptors == 0;
        }
        has_received
    }
}

/// Keeps the parts that a descriptor of the ring names.
fn keep(kept: &mut Kept, chain: &mut Chain, descriptor: &PackedDesc) {
    let part = |PackedDesc { addr, len, flags, .. }: &PackedDesc| {
        let is_writable = DescFlags::from_bits(flags.get()).write();
        Part { address: addr.get(), len: len.get(), is_writable }
    };
    if !DescFlags::from_bits(descriptor.flags.get()).indirect() {
        kept.add(chain, part(descriptor));
        return;
    }
    // SAFETY: by the promise of the caller of `ShadowRing::start`: the table belongs to a buffer that the driver makes available.
    let table = unsafe { Source::new(descriptor.addr.get(), descriptor.len.get() as usize) };
    // One part more than fits shows that the buffer is not whole.
    for index in 0..=MOST_PARTS {
        let Some(descriptor) = table.read_unaligned(DESC * index) else { break };
        kept.add(chain, part(&descriptor));
    }
}
