//! The device takes available buffers.

use super::super::features;
use super::super::numbering::QueueKind;
use super::super::options::{Notifications, Work};
use super::super::queues::MAX_ENTRIES;
use super::super::ring::{Chain, Defect, Element, Overrun};
use super::super::state::{CompleteWhen, NewBuffer, Payload, Request, State};
use crate::exchange;
use crate::fault::{QueueFault, Scribble};
use crate::quirk::Quirk;
use crate::violation::RingViolation;

/// Maximum number of bytes that a fault overwrites in one element of a buffer: more than any valid array.
const MAX_SCRIBBLE: u32 = 1 << 16;

/// The device id of the balloon.
const DEVICE_ID: u32 = 5;

/// Maximum number of bytes of a buffer in the log of exchanges.
const MAX_LOGGED: u64 = 1 << 16;

impl State {
    /// Takes all available buffers of `number`.
    pub(crate) fn take_available(&mut self, number: u16) {
        let suppress = self.options.notifications == Notifications::Suppressed;
        // The event index has to be updated also if notifications are always enabled.
        let needs_rearm = suppress || self.negotiated(features::EVENT_IDX);
        self.lost_notifications.remove(&number);
        let Some(queue) = self.queues.get_mut(&number) else { return };
        let Some(ring) = queue.ring.as_mut().filter(|_| !queue.is_broken) else { return };
        if suppress {
            ring.disable_notifications(&self.bus);
        }
        let first_buffer = ring.taken();
        let chains = match ring.take_available(&self.bus) {
            Ok(chains) => chains,
            Err(Overrun(index)) => {
                queue.is_broken = true;
                return self.violation(RingViolation::AvailableIndex { queue: number, index, expected: first_buffer });
            }
        };
        queue.needs_rearm = needs_rearm;
        let first_request = self.requests.len();
        for (offset, chain) in chains.into_iter().enumerate() {
            self.take_buffer(number, first_buffer.wrapping_add(offset as u16), chain);
        }
        // Only after all buffers are read, because a fault may overwrite later ones.
        for index in first_request..self.requests.len() {
            self.scribble(index);
        }
    }

    /// Takes a buffer. `number` is its number on the queue, modulo 2^16.
    fn take_buffer(&mut self, queue: u16, number: u16, chain: Chain) {
        let Chain { id: head, descriptors, elements, defects } = chain;
        let faults = self.faults.of_buffer(self.buffers_taken, queue);
        self.buffers_taken += 1;
        for fault in &faults {
            self.log_fault(fault);
        }
        if self.requests.iter().any(|request| request.queue == queue && request.head == head) {
            self.violation(RingViolation::HeadInFlight { queue, head });
        }
        for defect in &defects {
            self.report_defect(queue, head, *defect);
        }
        let payload = match defects.contains(&Defect::Broken) {
            false => self.read_payload(NewBuffer { queue, number, head, elements: &elements, faults: &faults }),
            true => Payload::Unread,
        };
        if exchange::is_enabled() {
            // The device writes to no buffer (2.7.8.2).
            exchange::log(DEVICE_ID, queue, &self.read_elements(&elements, MAX_LOGGED).unwrap_or_default(), &[]);
        }
        // The device holds statistics until the host requests new ones.
        let held = matches!(payload, Payload::Statistics) && !faults.contains(&QueueFault::CompletesStatisticsEarly);
        let complete = match () {
            () if self.has(Quirk::KeepsLongArrays) && is_long_array(&payload) => CompleteWhen::Never,
            () if held => CompleteWhen::Requested,
            () => CompleteWhen::processed(&faults),
        };
        self.requests.push_back(Request { queue, head, descriptors, elements, payload, complete, faults });
    }

    fn report_defect(&mut self, queue: u16, head: u16, defect: Defect) {
        let violation = match defect {
            Defect::Broken => RingViolation::BrokenChain { queue, head },
            Defect::Indirect if self.negotiated(features::INDIRECT_DESC) => return,
            Defect::Indirect => RingViolation::IndirectWithoutFeature { queue, head },
            Defect::Linked => RingViolation::IndirectLinked { queue, head },
            Defect::Nested => RingViolation::IndirectNested { queue, head },
            Defect::TableFlags => RingViolation::IndirectFlags { queue, head },
            Defect::OutOfOrder => RingViolation::OutOfOrder { queue, head },
            Defect::Overrun => RingViolation::Overrun { queue, head },
        };
        self.violation(violation);
    }

    fn read_payload(&mut self, buffer: NewBuffer<'_>) -> Payload {
        let Some(kind) = self.queues.get(&buffer.queue).map(|queue| queue.kind) else { return Payload::Unread };
        let reads = self.options.work != Work::Acknowledge;
        match kind {
            QueueKind::Inflate | QueueKind::Deflate if reads => Payload::Pages(self.read_array(buffer)),
            QueueKind::Statistics => {
                self.take_statistics(buffer);
                Payload::Statistics
            }
            QueueKind::FreePage if reads => Payload::Hint(self.take_hint(buffer)),
            QueueKind::Reporting if reads => Payload::Report(self.take_report(buffer)),
            _ => Payload::Unread,
        }
    }

    /// Reads the device-readable part of a buffer, at most `max` bytes. Records a violation and returns `None` if the part
    /// is not all inside memory.
    pub(crate) fn read_buffer(&mut self, buffer: NewBuffer<'_>, max: u64) -> Option<Vec<u8>> {
        let content = self.read_elements(buffer.elements, max);
        if content.is_none() {
            self.violation(RingViolation::BrokenChain { queue: buffer.queue, head: buffer.head });
        }
        content
    }

    fn read_elements(&self, elements: &[Element], max: u64) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for element in elements.iter().filter(|element| !element.writable) {
            let left = max.saturating_sub(content.len() as u64);
            let mut part = vec![0; u64::from(element.length).min(left) as usize];
            self.bus.read(element.address, &mut part)?;
            content.append(&mut part);
        }
        Some(content)
    }

    /// Overwrites memory as the faults of a request demand.
    fn scribble(&mut self, index: usize) {
        let Some(request) = self.requests.get(index) else { return };
        let Some(ring) = self.queues.get_mut(&request.queue).and_then(|queue| queue.ring.as_mut()) else { return };
        for fault in &request.faults {
            match fault {
                QueueFault::Scribbles(Scribble::Buffer) => {
                    for element in &request.elements {
                        let content = vec![0xff; element.length.min(MAX_SCRIBBLE) as usize];
                        // Parts outside memory stay as they are.
                        let _ = self.bus.write(element.address, &content);
                    }
                }
                QueueFault::Scribbles(area) => ring.scribble(&self.bus, *area),
                _ => {}
            }
        }
    }
}

/// Returns whether a buffer is an array with more entries than all deployed devices accept.
fn is_long_array(payload: &Payload) -> bool {
    matches!(payload, Payload::Pages(pfns) if pfns.len() as u64 > MAX_ENTRIES)
}
