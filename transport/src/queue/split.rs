//! The split ring ("Split Virtqueues", 2.7): where its parts are and how they are read and written.

use core::mem::offset_of;

use aerostat_spec::Interface;
use aerostat_spec::ring::{self, Avail, Desc, Used, UsedElem};
use zerocopy::{LittleEndian, NativeEndian, transmute};

use crate::dma::DeviceAddress;
use crate::queue::ring::{Common, Link, Next, passed};
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

/// Where both sides of a split ring are. Indexes are free-running and wrap at 65536.
#[derive(Debug)]
pub(crate) struct Split {
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
    Enabled,
    /// It need not; it may all the same.
    Disabled,
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
    /// That of a new ring.
    pub(crate) const START: Self = Self { next_available: 0, next_used: 0, told: 0, armed: 0 };

    /// Length and alignment of the memory that a ring of this size takes.
    pub(crate) fn extent(rules: Rules, size: QueueSize) -> (usize, usize) {
        let end = used(rules, size) + USED + USED_ELEM * usize::from(size.get()) + INDEX;
        match rules.interface {
            Interface::Modern => (end, ALIGN),
            Interface::Legacy => (end.next_multiple_of(LEGACY_ALIGN), LEGACY_ALIGN),
        }
    }

    /// Offsets of the available and the used ring.
    pub(crate) fn parts(rules: Rules, size: QueueSize) -> (usize, usize) {
        (avail(size), used(rules, size))
    }

    /// The available index.
    pub(crate) const fn position(&self) -> RingPosition {
        RingPosition(self.next_available)
    }

    /// Fills descriptor `id`.
    pub(crate) fn describe(common: &Common, id: u16, element: &Element, link: Link) {
        let flags = ring::DescFlags::new().with_write(element.access == Access::DeviceWrites);
        let (flags, next) = match link {
            Link::End => (flags, 0),
            Link::Next(next) => (flags.with_next(true), next),
            Link::Table => (flags.with_indirect(true), 0),
        };
        common.memory.write_pair(DESC * usize::from(id), descriptor(common.rules, element, flags, next));
    }

    /// Puts the buffer that starts at `head` into the available ring, and raises the index past it.
    pub(crate) fn make_available(&mut self, common: &Common, head: u16) {
        let index = self.next_available;
        self.next_available = index.wrapping_add(1);
        let avail = avail(common.size);
        common.memory.write(avail + AVAIL + INDEX * common.size.slot(index), common.rules.order16(head));
        // Orders the descriptors and the ring entry before the index that publishes them ("Updating idx", 2.7.13.3).
        common.store(avail + offset_of!(Avail, idx), index.wrapping_add(1));
    }

    pub(crate) fn wants_notification(&mut self, common: &Common) -> bool {
        let (old, new) = (core::mem::replace(&mut self.told, self.next_available), self.next_available);
        let used = used(common.rules, common.size);
        match common.rules.events {
            Events::Flags => {
                let flags = common.load(used + offset_of!(Used, flags));
                !ring::UsedFlags::from_bits(flags).no_notify()
            }
            Events::Index => {
                let event = used + USED + USED_ELEM * usize::from(common.size.get());
                passed(common.load(event), old, new)
            }
        }
    }

    pub(crate) fn set_interrupts(&mut self, common: &Common) {
        match (common.rules.events, common.interrupts) {
            (Events::Flags, interrupts) => {
                let flags = ring::AvailFlags::new().with_no_interrupt(interrupts == Interrupts::Disabled).into_bits();
                common.store(avail(common.size) + offset_of!(Avail, flags), flags);
            }
            (Events::Index, Interrupts::Enabled) => self.arm(common, self.next_used),
            // The index behind the next one is farthest away: it is reached after 65535 more buffers.
            (Events::Index, Interrupts::Disabled) => self.arm(common, self.next_used.wrapping_sub(1)),
        }
    }

    /// Asks for an interrupt when the used index goes past `event`.
    fn arm(&mut self, common: &Common, event: u16) {
        self.armed = event;
        let used_event = avail(common.size) + AVAIL + INDEX * usize::from(common.size.get());
        common.store(used_event, event);
    }

    /// What the device has used next, if it holds `held` buffers.
    pub(crate) fn look(&self, common: &Common, held: u16) -> Next {
        let (used, from) = (used(common.rules, common.size), self.next_used);
        // Acquire: orders the index before the entries that it publishes.
        let to = common.load(used + offset_of!(Used, idx));
        match to.wrapping_sub(from) {
            0 => Next::Nothing,
            pending if pending > held => Next::Jump { from, to },
            _ => {
                let at = used + USED + USED_ELEM * common.size.slot(from);
                let id = common.memory.read::<u32>(at + offset_of!(UsedElem, id));
                let length = common.memory.read::<u32>(at + offset_of!(UsedElem, len));
                Next::Buffer { id: common.rules.order32(id), length: common.rules.order32(length) }
            }
        }
    }

    /// Moves the event to the next used buffer. Whether it was moved.
    pub(crate) fn rearm(&mut self, common: &Common) -> bool {
        let moves = self.armed != self.next_used;
        if moves {
            self.arm(common, self.next_used);
        }
        moves
    }

    /// Goes past a used buffer.
    pub(crate) fn advance(&mut self) {
        self.next_used = self.next_used.wrapping_add(1);
    }
}

/// A descriptor as it is stored: in two words, because the fewer writes there are the better.
pub(crate) fn descriptor(rules: Rules, element: &Element, flags: ring::DescFlags, next: u16) -> [u64; 2] {
    let (address, len, flags) = (element.address.0, element.len, flags.into_bits());
    match rules.interface {
        Interface::Modern => transmute!(Desc::<LittleEndian>::new(address, len, flags, next)),
        Interface::Legacy => transmute!(Desc::<NativeEndian>::new(address, len, flags, next)),
    }
}

/// Offset of the available ring.
fn avail(size: QueueSize) -> usize {
    DESC * usize::from(size.get())
}

/// Offset of the used ring.
fn used(rules: Rules, size: QueueSize) -> usize {
    let end = avail(size) + AVAIL + INDEX * usize::from(size.get()) + INDEX;
    end.next_multiple_of(match rules.interface {
        Interface::Modern => USED_ALIGN,
        Interface::Legacy => LEGACY_ALIGN,
    })
}
