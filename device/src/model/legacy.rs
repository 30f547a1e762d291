//! What the legacy interface has of its own: queues by page number (4.2.4), in one piece (2.7.2).

use super::State;
use crate::violation::{LegacyViolation, Violation};

/// What the driver wrote to the registers that only the legacy interface has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Placement {
    /// Alignment of the used ring, in bytes.
    pub(super) align: u32,
    /// The page that the queue starts with, 0 while it is not ready.
    pub(super) pfn: u32,
}

impl State {
    pub(super) fn read_queue_pfn(&mut self, queue: u32) -> u32 {
        self.slot(queue).map_or(0, |slot| {
            slot.ready_was_read = true;
            if slot.ring.is_some() { slot.legacy.pfn } else { 0 }
        })
    }

    pub(super) fn set_guest_page_size(&mut self, bytes: u32) {
        if !bytes.is_power_of_two() || self.queues.values().any(|slot| slot.ring.is_some()) {
            return self.violation(LegacyViolation::GuestPageSize { bytes });
        }
        self.guest_page_size = Some(bytes);
    }

    pub(super) fn set_queue_align(&mut self, queue: u32, align: u32) {
        if let Some(slot) = self.slot(queue) {
            slot.legacy.align = align;
        }
    }

    /// A write to QueuePFN that is not 0: the queue starts with this page.
    pub(super) fn enable_legacy_queue(&mut self, queue: u32, pfn: u32) {
        let Some(page) = self.guest_page_size else {
            return self.violation(LegacyViolation::NoGuestPageSize { queue });
        };
        let Some(slot) = self.slot(queue) else {
            return self.violation(Violation::NoSuchQueue { queue });
        };
        let align = slot.legacy.align;
        if !align.is_power_of_two() {
            return self.violation(LegacyViolation::QueueAlign { queue, align });
        }
        slot.legacy.pfn = pfn;
        let size = u64::from(slot.size);
        let descriptors = u64::from(pfn) * u64::from(page);
        let driver = descriptors + 16 * size;
        let device = (driver + 6 + 2 * size).next_multiple_of(align.into());
        slot.addresses = [descriptors, driver, device];
        self.enable_queue(queue);
    }
}
