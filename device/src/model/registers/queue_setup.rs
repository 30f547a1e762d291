//! Queue set-up through registers (4.2.3.2).

use super::super::features;
use super::super::numbering::QueueKind;
use super::super::options::Interface;
use super::super::ring::{EventMode, Format, Order, RingSetup, are_areas_valid, new_ring};
use super::super::state::{Queue, QueueReset, State};
use super::register::{AddressHalf, QueueArea};
use crate::event::Event;
use crate::quirk::Quirk;
use crate::violation::QueueViolation;

impl State {
    pub(crate) fn read_queue_size_max(&mut self, number: u32, offset: usize) -> u32 {
        // The legacy interface allows this read only while the queue is not in use (4.2.4).
        let legacy = self.options.interface == Interface::Legacy;
        if legacy && self.queue(number).is_some_and(|queue| queue.is_ready()) {
            self.violation(QueueViolation::WhileReady { queue: number, offset });
        }
        if let Some(queue) = self.queue(number) {
            queue.max_size_was_read = true;
        }
        self.max_queue_size(number)
    }

    fn max_queue_size(&mut self, number: u32) -> u32 {
        let fault = self.faults.queue_size_max();
        self.queue(number).map_or(0, |queue| fault.unwrap_or(queue.max_size.into()))
    }

    pub(crate) fn read_queue_ready(&mut self, number: u32) -> u32 {
        let fault = self.faults.queue_ready();
        self.queue(number).map_or(0, |queue| {
            queue.ready_was_read = true;
            fault.unwrap_or(queue.is_ready().into())
        })
    }

    /// Returns whether the driver may write to a register of this queue now. The driver may disable a queue at any time.
    pub(crate) fn may_configure(&mut self, number: u32, offset: usize, disables: bool) -> bool {
        let status = self.status;
        if self.is_reset_pending(number) {
            self.violation(QueueViolation::ResetNotRead { queue: number, offset });
            return false;
        }
        if !self.is_negotiated() || (self.is_live() && !disables && !self.is_reset_complete(number)) {
            self.violation(QueueViolation::OutOfTurn { queue: number, offset, status });
            return false;
        }
        let ready = self.queue(number).is_some_and(|queue| queue.is_ready());
        if ready && !disables {
            self.violation(QueueViolation::WhileReady { queue: number, offset });
        }
        !ready || disables
    }

    pub(crate) fn set_queue_size(&mut self, number: u32, size: u32) {
        if let Some(queue) = self.queue(number) {
            queue.size = size;
        }
    }

    pub(crate) fn set_queue_address(&mut self, number: u32, area: QueueArea, half: AddressHalf, value: u32) {
        let Some(queue) = self.queue(number) else { return };
        let address = &mut queue.addresses[area as usize];
        let value = u64::from(value);
        *address = match half {
            AddressHalf::Low => *address & !0xffff_ffff | value,
            AddressHalf::High => *address & 0xffff_ffff | value << 32,
        };
    }

    pub(crate) fn disable_queue(&mut self, number: u32) {
        let Some(queue) = self.queue(number).filter(|queue| queue.is_ready()) else { return };
        let ready_was_read = queue.ready_was_read;
        self.clear_queue(number);
        if let Some(queue) = self.queue(number) {
            queue.ready_was_read = ready_was_read;
        }
        self.log(Event::QueueDisabled { queue: number as u16 });
    }

    /// Returns a queue to its initial state and drops its buffers.
    pub(crate) fn clear_queue(&mut self, number: u32) {
        let Some(queue) = self.queue(number) else { return };
        *queue = Queue::new(queue.kind, queue.max_size);
        if queue.kind == QueueKind::FreePage {
            self.hinting.restart_queue();
        }
        let number = number as u16;
        self.notified.remove(&number);
        self.drop_requests(number);
    }

    pub(crate) fn enable_queue(&mut self, number: u32) {
        let Some((format, setup)) = self.ring_setup(number) else { return };
        let ring = new_ring(format, setup);
        if !are_areas_valid(&ring.areas(), &self.bus) {
            let [descriptors, driver, device] = setup.addresses;
            return self.violation(QueueViolation::Address { queue: number, descriptors, driver, device });
        }
        if !ring.is_zeroed(&self.bus) {
            self.violation(QueueViolation::NotZeroed { queue: number });
        }
        if let Some(queue) = self.queue(number) {
            queue.ring = Some(ring);
            queue.reset = QueueReset::None;
        }
        self.log(Event::QueueEnabled { queue: number as u16, size: setup.size.into() });
    }

    /// Checks the registers of a queue that the driver makes ready. `None` if the queue cannot work.
    fn ring_setup(&mut self, number: u32) -> Option<(Format, RingSetup)> {
        let max = self.max_queue_size(number);
        let Some(queue) = self.queue(number) else {
            self.violation(QueueViolation::NotFound { queue: number });
            return None;
        };
        let (size, addresses, kind) = (queue.size, queue.addresses, queue.kind);
        if !queue.ready_was_read || !queue.max_size_was_read {
            self.violation(QueueViolation::NotChecked { queue: number });
        }
        if self.is_unused(kind) && !self.has(Quirk::NeedsAllQueues) {
            self.violation(QueueViolation::WithoutFeature { queue: number });
        }
        let format = if self.negotiated(features::RING_PACKED) { Format::Packed } else { Format::Split };
        let valid = u16::try_from(size).ok().filter(|valid| format.allows_size(*valid) && size <= max);
        let Some(size) = valid else {
            self.violation(QueueViolation::Size { queue: number, size, max });
            return None;
        };
        let events = if self.negotiated(features::EVENT_IDX) { EventMode::Index } else { EventMode::Flags };
        let order = if self.negotiated(features::IN_ORDER) { Order::InOrder } else { Order::Any };
        Some((format, RingSetup { size, addresses, events, order }))
    }
}
