//! The shadow of a split ring.

use core::mem::offset_of;
use core::sync::atomic::{Ordering, fence};

use aerostat_transport::spec::ring::{Avail, Desc, Used, UsedElem};

use super::area::{Area, Source};
use super::buffer::Buffer;
use super::kept::{Chain, Kept, MOST_PARTS, Part};

const DESC: usize = size_of::<Desc>();
const INDEX: usize = size_of::<u16>();

/// The parts of a split ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Areas {
    descriptors: Area,
    avail: Area,
    used: Area,
}

impl Areas {
    pub(super) const fn of([descriptors, avail, used]: [Area; 3]) -> Self {
        Self { descriptors, avail, used }
    }

    /// Returns the lengths of the parts in bytes.
    pub(super) const fn lengths(size: u16) -> [usize; 3] {
        let size = size as usize;
        // An event index follows the entries of both rings.
        [DESC * size, avail_entry(size) + INDEX, used_entry(size) + INDEX]
    }
}

const fn avail_entry(slot: usize) -> usize {
    size_of::<Avail>() + INDEX * slot
}

const fn used_entry(slot: usize) -> usize {
    size_of::<Used>() + size_of::<UsedElem>() * slot
}

/// The ring of the driver and that of the device.
#[derive(Debug)]
pub(super) struct Split {
    size: u16,
    driver: Areas,
    device: Areas,
    /// The available index of the device's ring.
    sent: u16,
    /// The used index of the driver's ring.
    received: u16,
}

impl Split {
    pub(super) const fn new(size: u16, driver: Areas, device: Areas) -> Self {
        Self { size, driver, device, sent: 0, received: 0 }
    }

    /// Gives the device the buffers that the driver has made available.
    pub(super) fn send(&mut self, kept: &mut Kept) {
        let available = self.driver.avail.load(offset_of!(Avail, idx));
        // The driver makes at most as many buffers available as there are descriptors.
        for _ in 0..self.size {
            if self.sent == available {
                break;
            }
            let entry = avail_entry(self.slot(self.sent));
            let head: u16 = self.driver.avail.read(entry);
            let chain = self.copy_chain(kept, u16::from_le(head));
            kept.insert(u16::from_le(head), chain);
            self.device.avail.write(entry, head);
            self.sent = self.sent.wrapping_add(1);
        }
        self.device.avail.store(offset_of!(Avail, idx), self.sent);
        // The driver notifies of its next buffer, whatever the device wants.
        self.driver.used.store(used_entry(self.size.into()), self.sent);
    }

    /// Copies the descriptors of a buffer into the ring of the device, and keeps them.
    fn copy_chain(&self, kept: &mut Kept, head: u16) -> Chain {
        let (mut chain, mut at) = (Chain::EMPTY, head);
        for _ in 0..self.size {
            let descriptor: Desc = self.driver.descriptors.read(DESC * self.slot(at));
            self.device.descriptors.write(DESC * self.slot(at), descriptor);
            chain.count();
            keep(kept, &mut chain, &descriptor);
            if !descriptor.flags.get().next() {
                break;
            }
            at = descriptor.next.get();
        }
        chain
    }

    /// Logs the buffers that the device has used, and then gives them back to the driver. Returns whether there are any.
    pub(super) fn receive(&mut self, kept: &mut Kept, mut log: impl FnMut(Buffer<'_>)) -> bool {
        let used = self.device.used.load(offset_of!(Used, idx));
        let from = core::mem::replace(&mut self.received, used);
        if used == from {
            return false;
        }
        // An index that jumped farther is an error of the device, which the driver reports.
        for count in 0..used.wrapping_sub(from).min(self.size) {
            let entry = used_entry(self.slot(from.wrapping_add(count)));
            let element: UsedElem = self.device.used.read(entry);
            // Another id is an error of the device, which the driver reports.
            if let Ok(head) = u16::try_from(element.id.get())
                && let Some(parts) = kept.parts(head)
            {
                log(Buffer { parts, written: element.len.get() });
                kept.remove(head);
            }
            self.driver.used.write(entry, element);
        }
        self.driver.used.store(offset_of!(Used, idx), used);
        // The device interrupts for the next buffer, whatever the driver wants.
        self.device.avail.store(avail_entry(self.size.into()), used);
        // Orders the request before the next look at the used index.
        fence(Ordering::SeqCst);
        true
    }

    fn slot(&self, index: u16) -> usize {
        usize::from(index % self.size)
    }
}

/// Keeps the parts that a descriptor of the ring names.
fn keep(kept: &mut Kept, chain: &mut Chain, descriptor: &Desc) {
    let part = |Desc { addr, len, flags, .. }: &Desc| {
        let is_writable = flags.get().write();
        Part { address: addr.get(), len: len.get(), is_writable }
    };
    if !descriptor.flags.get().indirect() {
        kept.add(chain, part(descriptor));
        return;
    }
    // SAFETY: by the promise of the caller of `ShadowRing::start`: the table belongs to a buffer that the driver makes available.
    let table = unsafe { Source::new(descriptor.addr.get(), descriptor.len.get() as usize) };
    let mut at = 0;
    // One part more than fits shows that the buffer is not whole.
    for _ in 0..=MOST_PARTS {
        let Some(descriptor) = table.read_unaligned::<Desc>(DESC * at) else { break };
        kept.add(chain, part(&descriptor));
        if !descriptor.flags.get().next() {
            break;
        }
        at = usize::from(descriptor.next.get());
    }
}
