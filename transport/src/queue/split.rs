//! The split ring ("Split Virtqueues", 2.7): where its parts are and how they are read and written.

use core::alloc::Layout;
use core::mem::offset_of;

use aerostat_spec::Interface;
use aerostat_spec::ring::{self, Avail, Desc, Used, UsedElem};

use crate::dma::{DeviceAddress, DmaRegion};
use crate::queue::ring::{Link, Next, passed};
use crate::queue::rules::{Events, Rules};
use crate::queue::{Access, Element, QueueSize, RingPosition};

const DESC: usize = size_of::<Desc>();
const AVAIL: usize = size_of::<Avail>();
const USED: usize = size_of::<Used>();
const USED_ELEM: usize = size_of::<UsedElem>();
/// Bytes of a ring index or of an entry of the available ring.
const INDEX: usize = size_of::<u16>();
/// Alignment of the used ring on the modern interface.
const USED_ALIGN: usize = 4;
/// Alignment of a whole ring on the modern interface.
const ALIGN: usize = 16;
/// Alignment of a whole ring and of its used ring on the legacy interface, which is also the unit of its address, in bytes:
/// 4096 by PCI, and as the driver says by MMIO.
pub(crate) const LEGACY_ALIGN: usize = 4096;

/// A split ring in shared memory. Indexes are free-running and wrap at 65536.
#[derive(Debug)]
pub(crate) struct Split {
    memory: DmaRegion,
    rules: Rules,
    size: QueueSize,
    interrupts: Interrupts,
    next_available: u16,
    next_used: u16,
    /// The available index when the device was last told, or did not want to be.
    told: u16,
    /// The used index for which the device was last asked to interrupt.
    armed: u16,
}

/// Whether the device is to interrupt when it has used a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// It is.
    Wanted,
    /// It need not; it may all the same.
    Unwanted,
}

/// Where the parts of a ring are, as the device sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingAddresses {
    /// Descriptor table ("Descriptor Area").
    pub descriptors: DeviceAddress,
    /// Available ring ("Driver Area").
    pub driver: DeviceAddress,
    /// Used ring ("Device Area").
    pub device: DeviceAddress,
}

impl RingAddresses {
    /// The address of a ring on the legacy interface, in units of 4096 bytes. `None` where 32 bits are too few for it, where
    /// it is not a multiple of the unit, and for 0, which stands for no ring.
    pub(crate) fn legacy_pfn(&self) -> Option<u32> {
        let unit = LEGACY_ALIGN as u64;
        let pfn = u32::try_from(self.descriptors.0 / unit).ok()?;
        (pfn != 0 && self.descriptors.0.is_multiple_of(unit)).then_some(pfn)
    }
}

impl Split {
    /// The memory that a ring of this size takes, aligned for its strictest part.
    pub(crate) fn layout(rules: Rules, size: QueueSize) -> Layout {
        let end = Self::used_offset(rules, size) + USED + USED_ELEM * usize::from(size.get()) + INDEX;
        let (end, align) = match rules.interface {
            Interface::Modern => (end, ALIGN),
            Interface::Legacy => (end.next_multiple_of(LEGACY_ALIGN), LEGACY_ALIGN),
        };
        // The sum is below 1 MiB for the largest ring, so that only the compiler cannot know that this is a layout.
        Layout::from_size_align(end, align).unwrap_or(Layout::new::<Desc>())
    }

    /// A ring of `size` in memory that was allocated with at least [`Split::layout`], all zero.
    pub(crate) fn new(memory: DmaRegion, rules: Rules, size: QueueSize) -> Self {
        let interrupts = Interrupts::Wanted;
        Self { memory, rules, size, interrupts, next_available: 0, next_used: 0, told: 0, armed: 0 }
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    pub(crate) const fn memory(&self) -> &DmaRegion {
        &self.memory
    }

    /// The available index.
    pub(crate) const fn position(&self) -> RingPosition {
        RingPosition(self.next_available)
    }

    fn avail_offset(size: QueueSize) -> usize {
        DESC * usize::from(size.get())
    }

    fn used_offset(rules: Rules, size: QueueSize) -> usize {
        let end = Self::avail_offset(size) + AVAIL + INDEX * usize::from(size.get()) + INDEX;
        end.next_multiple_of(match rules.interface {
            Interface::Modern => USED_ALIGN,
            Interface::Legacy => LEGACY_ALIGN,
        })
    }

    /// Offset of the used ring.
    fn used(&self) -> usize {
        Self::used_offset(self.rules, self.size)
    }

    /// Reads an index, flags or an event that the device writes, once.
    fn load(&self, offset: usize) -> u16 {
        let value = self.memory.load(offset);
        self.rules.barriers.behind_load();
        self.rules.order16(value)
    }

    /// Writes an index, flags or an event that the device reads.
    fn store(&self, offset: usize, value: u16) {
        self.rules.barriers.before_store();
        self.memory.store(offset, self.rules.order16(value));
    }

    pub(crate) fn addresses(&self) -> RingAddresses {
        let start = self.memory.device_address();
        let at = |offset: usize| DeviceAddress(start.0.wrapping_add(offset as u64));
        RingAddresses { descriptors: start, driver: at(Self::avail_offset(self.size)), device: at(self.used()) }
    }

    pub(crate) fn into_memory(self) -> DmaRegion {
        self.memory
    }

    pub(crate) const fn size(&self) -> QueueSize {
        self.size
    }

    /// Fills descriptor `id`.
    pub(crate) fn describe(&self, id: u16, element: &Element, link: Link) {
        let (at, rules) = (DESC * usize::from(id), self.rules);
        let flags = ring::DescFlags::new().with_write(element.access == Access::DeviceWrites);
        let (flags, next) = match link {
            Link::End => (flags, 0),
            Link::Next(next) => (flags.with_next(true), next),
            Link::Table => (flags.with_indirect(true), 0),
        };
        self.memory.write(at + offset_of!(Desc, addr), rules.order64(element.address.0));
        self.memory.write(at + offset_of!(Desc, len), rules.order32(element.len));
        self.memory.write(at + offset_of!(Desc, flags), rules.order16(flags.into_bits()));
        self.memory.write(at + offset_of!(Desc, next), rules.order16(next));
    }

    /// Puts the buffer that starts at `head` into the available ring, and raises the index past it.
    pub(crate) fn make_available(&mut self, head: u16) {
        let index = self.next_available;
        self.next_available = index.wrapping_add(1);
        let avail = Self::avail_offset(self.size);
        self.memory.write(avail + AVAIL + INDEX * self.size.slot(index), self.rules.order16(head));
        // Orders the descriptors and the ring entry before the index that publishes them ("Updating idx", 2.7.13.3).
        self.store(avail + offset_of!(Avail, idx), index.wrapping_add(1));
    }

    pub(crate) fn wants_notification(&mut self) -> bool {
        // Orders the available index before the flags ("Notifying The Device", 2.7.13.4): else both sides could miss
        // what the other has just written.
        self.rules.barriers.full();
        let (old, new) = (core::mem::replace(&mut self.told, self.next_available), self.next_available);
        match self.rules.events {
            Events::Flags => {
                let flags = self.load(self.used() + offset_of!(Used, flags));
                !ring::UsedFlags::from_bits(flags).no_notify()
            }
            Events::Index => {
                let event = self.used() + USED + USED_ELEM * usize::from(self.size.get());
                passed(self.load(event), old, new)
            }
        }
    }

    pub(crate) fn set_interrupts(&mut self, interrupts: Interrupts) {
        self.interrupts = interrupts;
        match (self.rules.events, interrupts) {
            (Events::Flags, _) => {
                let flags = ring::AvailFlags::new().with_no_interrupt(interrupts == Interrupts::Unwanted).into_bits();
                self.store(Self::avail_offset(self.size) + offset_of!(Avail, flags), flags);
            }
            (Events::Index, Interrupts::Wanted) => self.arm(self.next_used),
            // The index behind the next one is farthest away: it is reached after 65535 more buffers.
            (Events::Index, Interrupts::Unwanted) => self.arm(self.next_used.wrapping_sub(1)),
        }
        // Orders the flags before the next look at the used index ("Receiving Used Buffers", 2.7.14).
        self.rules.barriers.full();
    }

    /// Asks for an interrupt when the used index goes past `event`.
    fn arm(&mut self, event: u16) {
        self.armed = event;
        let used_event = Self::avail_offset(self.size) + AVAIL + INDEX * usize::from(self.size.get());
        self.store(used_event, event);
    }

    /// What the device has used next, if it holds `held` buffers.
    pub(crate) fn next_used(&mut self, held: u16) -> Next {
        let mut to = self.used_index();
        if to == self.next_used && self.rearm() {
            to = self.used_index();
        }
        let from = self.next_used;
        match to.wrapping_sub(from) {
            0 => Next::Nothing,
            pending if pending > held => Next::Jump { from, to },
            _ => {
                let (id, length) = self.used_entry(from);
                Next::Buffer { id, length }
            }
        }
    }

    /// Moves the event to the next used buffer. Whether it was moved, so that another look is needed.
    fn rearm(&mut self) -> bool {
        let moves =
            self.rules.events == Events::Index && self.interrupts == Interrupts::Wanted && self.armed != self.next_used;
        if moves {
            self.arm(self.next_used);
            // Orders the event before the next look at the used index ("Receiving Used Buffers", 2.7.14).
            self.rules.barriers.full();
        }
        moves
    }

    /// Goes past a used buffer.
    pub(crate) fn advance(&mut self) {
        self.next_used = self.next_used.wrapping_add(1);
    }

    /// The index up to which the device says that it has used buffers.
    fn used_index(&self) -> u16 {
        // Acquire: orders the index before the entries that it publishes.
        self.load(self.used() + offset_of!(Used, idx))
    }

    /// Id and length of the used ring entry at `index`, read once.
    fn used_entry(&self, index: u16) -> (u32, u32) {
        let at = self.used() + USED + USED_ELEM * self.size.slot(index);
        let id = self.memory.read::<u32>(at + offset_of!(UsedElem, id));
        let len = self.memory.read::<u32>(at + offset_of!(UsedElem, len));
        (self.rules.order32(id), self.rules.order32(len))
    }
}
