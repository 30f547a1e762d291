//! The device completes buffers.

use super::super::numbering::QueueKind;
use super::super::ring::Completion;
use super::super::state::{Payload, Request, State};
use crate::event::{Cause, Event};
use crate::fault::QueueFault;
use crate::quirk::Quirk;

impl State {
    /// Processes the buffers of a batch, and completes it.
    pub(crate) fn complete(&mut self, batch: Vec<Request>) {
        for Request { queue, elements, payload, faults, .. } in &batch {
            let Some(kind) = self.queues.get(queue).map(|queue| queue.kind) else { return };
            if faults.contains(&QueueFault::SetsNeedsReset) {
                return self.set_needs_reset();
            }
            // The memory of a buffer has to stay mapped until its completion.
            for element in elements {
                let _ = self.bus.access(element.address, element.length.into());
            }
            match payload {
                Payload::Pages(pfns) if kind == QueueKind::Inflate => self.inflate(pfns),
                Payload::Pages(pfns) => self.deflate(pfns),
                Payload::Report(report) => self.finish_report(report),
                Payload::Hint(hint) => self.finish_hint(hint),
                Payload::Statistics | Payload::Unread => {}
            }
        }
        self.return_to_driver(&batch);
    }

    /// Writes the used entry of a batch, and raises the interrupt if the driver enabled it.
    fn return_to_driver(&mut self, batch: &[Request]) {
        let Some(Request { queue, faults, .. }) = batch.last() else { return };
        let Some(completion) = self.completion(batch) else { return };
        let bus = &self.bus;
        let Some(ring) = self.queues.get_mut(queue).and_then(|queue| queue.ring.as_mut()) else { return };
        let times = if faults.contains(&QueueFault::CompletesTwice) { 2 } else { 1 };
        for _ in 0..times {
            ring.push_used(bus, completion);
        }
        for fault in faults {
            if let QueueFault::ShiftsUsedIndex(by) = fault {
                ring.shift_used_index(bus, *by);
            }
        }
        let needs_interrupt = ring.needs_interrupt(bus);
        for &Request { queue, head, .. } in batch {
            self.log(Event::Completed { queue, head });
        }
        if needs_interrupt && !faults.contains(&QueueFault::LosesInterrupt) {
            self.interrupt(Cause::UsedBuffer);
        }
    }

    /// Returns the used entry of a batch, with the faults of its last buffer.
    fn completion(&self, batch: &[Request]) -> Option<Completion> {
        let last = batch.last()?;
        // The device writes to no buffer (2.7.8.2).
        let mut written = match self.has(Quirk::ReportsUnwrittenBytes) {
            true => last.elements.iter().fold(0, |bytes: u32, element| bytes.saturating_add(element.length)),
            false => 0,
        };
        let mut id = u32::from(last.head);
        for fault in &last.faults {
            match fault {
                QueueFault::ReportsId(wrong) => id = *wrong,
                QueueFault::ReportsIdNotInFlight => id = self.id_not_in_flight(last)?.into(),
                QueueFault::ReportsLength(wrong) => written = *wrong,
                _ => {}
            }
        }
        let descriptors = batch.iter().map(|request| request.descriptors).sum();
        let has_write_flag = written > 0 && !self.has(Quirk::OmitsWriteFlag);
        Some(Completion { id, written, has_write_flag, descriptors, buffers: batch.len() as u16 })
    }

    /// Returns the lowest descriptor id of a queue that is not in flight.
    fn id_not_in_flight(&self, last: &Request) -> Option<u16> {
        let size = self.queues.get(&last.queue)?.ring.as_ref()?.size();
        let same_queue = || self.requests.iter().filter(|request| request.queue == last.queue);
        let in_flight = |id: u16| id == last.head || same_queue().any(|request| request.head == id);
        Some((0..size).find(|id| !in_flight(*id)).unwrap_or(size))
    }
}
