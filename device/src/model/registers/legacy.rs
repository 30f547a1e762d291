//! Registers of the legacy interface: a queue is one range of memory, given by its page number (2.7.2, 4.2.4).

use super::super::state::State;
use crate::violation::{LegacyViolation, QueueViolation};

impl State {
    pub(crate) fn read_queue_pfn(&mut self, number: u32) -> u32 {
        self.queue(number).map_or(0, |queue| {
            queue.ready_was_read = true;
            if queue.is_ready() { queue.legacy.pfn } else { 0 }
        })
    }

    pub(crate) fn set_guest_page_size(&mut self, bytes: u32) {
        if !bytes.is_power_of_two() || self.queues.values().any(|queue| queue.is_ready()) {
            return self.violation(LegacyViolation::GuestPageSize { bytes });
        }
        self.guest_page_size = Some(bytes);
    }

    pub(crate) fn set_queue_align(&mut self, number: u32, align: u32) {
        if let Some(queue) = self.queue(number) {
            queue.legacy.align = align;
        }
    }

    /// Handles a write of a page number other than 0 to QueuePFN.
    pub(crate) fn enable_legacy_queue(&mut self, number: u32, pfn: u32) {
        let Some(page_bytes) = self.guest_page_size else {
            return self.violation(LegacyViolation::GuestPageSizeNotWritten { queue: number });
        };
        let Some(queue) = self.queue(number) else {
            return self.violation(QueueViolation::NotFound { queue: number });
        };
        let align = queue.legacy.align;
        if !align.is_power_of_two() {
            return self.violation(LegacyViolation::QueueAlign { queue: number, align });
        }
        queue.legacy.pfn = pfn;
        let size = u64::from(queue.size);
        let descriptors = u64::from(pfn) * u64::from(page_bytes);
        let driver = descriptors + 16 * size;
        let device = (driver + 6 + 2 * size).next_multiple_of(align.into());
        queue.addresses = [descriptors, driver, device];
        self.enable_queue(number);
    }
}
