//! The queues of the device: it uses available buffers immediately and does not read them.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use aerostat_balloon::spec::Feature;
use aerostat_balloon::spec::reserved::feature::{EventIdx, RingPacked};
use aerostat_balloon::spec::ring::{
    Avail, AvailFlags, Desc, DescFlags, EventFlags, EventMode, EventPosition, EventSuppress, PackedDesc, Used, UsedElem,
};
use virtio_bindings::virtio_mmio::*;

/// One queue.
#[derive(Clone, Default)]
pub(super) struct Queue {
    size: u16,
    /// Addresses of the descriptor area, the driver area and the device area, equal to those of the driver.
    areas: [u64; 3],
    accepted: u64,
    /// Split: the next available and used index. Packed: the next descriptor, with the wrap counter in bit 15.
    next: u16,
    ready: bool,
}

/// The result of processing a queue.
#[derive(Clone, Copy)]
pub(super) struct Done {
    pub(super) buffers: u16,
    /// Whether the driver has enabled the interrupt.
    pub(super) interrupts: bool,
}

/// The wrap counter bit of a position in a packed ring.
const WRAP: u16 = 1 << 15;

impl Queue {
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(super) fn set_ready(&mut self, value: u32, accepted: u64) {
        self.ready = value == 1;
        self.accepted = accepted;
        self.next = if self.accepted(RingPacked::BIT) { WRAP } else { 0 };
    }

    pub(super) fn write(&mut self, register: u32, value: u32) {
        const LOWEST: [u32; 3] = [VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_USED_LOW];
        if register == VIRTIO_MMIO_QUEUE_NUM {
            self.size = value as u16;
        }
        for (area, low) in self.areas.iter_mut().zip(LOWEST) {
            if register == low {
                *area = *area & !0xffff_ffff | u64::from(value);
            } else if register == low + 4 {
                *area = *area & 0xffff_ffff | u64::from(value) << 32;
            }
        }
    }

    /// Uses every available buffer.
    pub(super) fn acknowledge(&mut self) -> Done {
        if !self.ready {
            Done { buffers: 0, interrupts: false }
        } else if self.accepted(RingPacked::BIT) {
            self.acknowledge_packed()
        } else {
            self.acknowledge_split()
        }
    }

    fn acknowledge_split(&mut self) -> Done {
        let (mask, old) = (self.size - 1, self.next);
        let [_, avail, used] = self.areas;
        let published = load(avail + offset_of!(Avail, idx) as u64);
        while self.next != published {
            let slot = u64::from(self.next & mask);
            let head: u16 = read(avail + size_of::<Avail>() as u64 + slot * 2);
            let element = used + size_of::<Used>() as u64 + slot * size_of::<UsedElem>() as u64;
            write(element + offset_of!(UsedElem, id) as u64, u32::from(head));
            write(element + offset_of!(UsedElem, len) as u64, 0_u32);
            self.next = self.next.wrapping_add(1);
        }
        store(used + offset_of!(Used, idx) as u64, self.next);
        let (buffers, size) = (self.next.wrapping_sub(old), u64::from(self.size));
        let interrupts = if self.accepted(EventIdx::BIT) {
            store(used + size_of::<Used>() as u64 + size * size_of::<UsedElem>() as u64, self.next);
            fence(Ordering::SeqCst);
            let event = load(avail + size_of::<Avail>() as u64 + size * 2);
            self.next.wrapping_sub(event).wrapping_sub(1) < buffers
        } else {
            fence(Ordering::SeqCst);
            !AvailFlags::from_bits(load(avail + offset_of!(Avail, flags) as u64)).no_interrupt()
        };
        Done { buffers, interrupts: interrupts && buffers > 0 }
    }

    fn acknowledge_packed(&mut self) -> Done {
        let [descriptors, driver, device] = self.areas;
        let (mut buffers, mut interrupts) = (0, false);
        let mode = EventFlags::from_bits(load(driver + offset_of!(EventSuppress, flags) as u64)).mode();
        let event = load(driver + offset_of!(EventSuppress, desc) as u64);
        loop {
            let first = self.next;
            let wrap = first & WRAP != 0;
            let at = descriptors + u64::from(first & !WRAP) * size_of::<PackedDesc>() as u64;
            let mut flags = DescFlags::from_bits(load(at + offset_of!(PackedDesc, flags) as u64));
            if flags.avail() != wrap || flags.used() == wrap {
                break;
            }
            // The last descriptor of a buffer contains its id.
            let mut last = at;
            self.advance();
            while flags.next() {
                last = descriptors + u64::from(self.next & !WRAP) * size_of::<PackedDesc>() as u64;
                flags = DescFlags::from_bits(load(last + offset_of!(PackedDesc, flags) as u64));
                self.advance();
            }
            let id: u16 = read(last + offset_of!(PackedDesc, id) as u64);
            write(at + offset_of!(PackedDesc, id) as u64, id);
            write(at + offset_of!(PackedDesc, len) as u64, 0_u32);
            let flags = DescFlags::new().with_avail(wrap).with_used(wrap).into_bits();
            store(at + offset_of!(PackedDesc, flags) as u64, flags);
            buffers += 1;
            interrupts |= event == first;
        }
        if self.accepted(EventIdx::BIT) {
            let position = EventPosition::new().with_wrap(self.next & WRAP != 0).into_bits() | self.next & !WRAP;
            store(device + offset_of!(EventSuppress, desc) as u64, position);
            store(device + offset_of!(EventSuppress, flags) as u64, EventMode::Desc.to_raw().into());
            fence(Ordering::SeqCst);
        }
        let interrupts = match EventMode::from_raw(mode) {
            EventMode::Disable => false,
            EventMode::Desc => interrupts,
            _ => buffers > 0,
        };
        Done { buffers, interrupts }
    }

    fn advance(&mut self) {
        self.next += 1;
        if self.next & !WRAP == self.size {
            self.next = self.next & WRAP ^ WRAP;
        }
    }

    fn accepted(&self, bit: u32) -> bool {
        self.accepted >> bit & 1 != 0
    }
}

fn load(address: u64) -> u16 {
    // SAFETY: the address is inside a ring of the driver, which is in this process and valid until the device is reset; indexes
    // and flags are aligned and accessed atomically only.
    u16::from_le(unsafe { AtomicU16::from_ptr(address as *mut u16) }.load(Ordering::Acquire))
}

fn store(address: u64, value: u16) {
    // SAFETY: as in `load`.
    unsafe { AtomicU16::from_ptr(address as *mut u16) }.store(value.to_le(), Ordering::Release);
}

fn read<T: Copy>(address: u64) -> T {
    // SAFETY: the address is inside a ring, as in `load`, and of an integer of this type. The device owns the integer until it
    // stores an index or flags.
    unsafe { (address as *const T).read_volatile() }
}

fn write<T>(address: u64, value: T) {
    // SAFETY: as in `read`.
    unsafe { (address as *mut T).write_volatile(value) }
}

/// Descriptors of both formats have the same size.
const _: () = assert!(size_of::<Desc>() == size_of::<PackedDesc>());
