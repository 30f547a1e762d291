//! The way of a buffer through the device: taken, kept for a while, done, given back.

use std::collections::VecDeque;

use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET;

use super::hinting::Hint;
use super::reporting::Report;
use super::ring::{Chain, Element, Flaw, Overrun, Used};
use super::{Notifications, QueueKind, State, UsedEntries, Work, features};
use crate::log::{Cause, Event};
use crate::misbehave::{QueueFault, Scribble};
use crate::violation::{RingViolation, Violation};

/// A buffer that the device has.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) queue: u16,
    head: u16,
    slots: u16,
    pub(super) elements: Vec<Element>,
    pub(super) content: Content,
    pub(super) due: Due,
    pub(super) faults: Vec<QueueFault>,
}

/// What the device made of a buffer when it took it.
#[derive(Debug)]
pub(super) enum Content {
    /// The page numbers in an array.
    Array(Vec<u32>),
    /// Statistics, which are read.
    Statistics,
    /// Pages of a report.
    Report(Report),
    /// A command id, or hinted pages.
    Hint(Hint),
    /// Nothing that can be understood, or nobody looked.
    Nothing,
}

/// When the buffer is to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    After(u32),
    /// When the host asks for it.
    Held,
    Never,
}

/// Whether a step found something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Made,
    /// Buffers wait for their time to come.
    Waiting,
    /// Nothing happens before the next notification.
    Idle,
}

impl State {
    /// One small step of the device's work.
    pub(crate) fn step(&mut self) -> Progress {
        let progress = self.work();
        self.note_stopped();
        progress
    }

    fn work(&mut self) -> Progress {
        if self.status & NEEDS_RESET != 0 {
            return Progress::Idle;
        }
        if let Some(queue) = self.kicked.pop_first() {
            self.take_available(queue);
            return Progress::Made;
        }
        let batch = self.next_due();
        if !batch.is_empty() {
            self.finish(batch);
            return Progress::Made;
        }
        if self.rest_a_queue() {
            return Progress::Made;
        }
        if self.requests.iter().any(|request| matches!(request.due, Due::After(_))) {
            return Progress::Waiting;
        }
        Progress::Idle
    }

    /// Whether a step would find something to do, or a buffer waits for its time.
    pub(crate) fn has_work(&self) -> bool {
        let pending = || {
            let mut requests = self.requests.iter().enumerate();
            requests.any(|(index, request)| match request.due {
                Due::Now => self.is_in_turn(index),
                Due::After(_) => true,
                Due::Held | Due::Never => false,
            })
        };
        let quiet = || self.queues.values().any(|slot| slot.quiet);
        self.status & NEEDS_RESET == 0 && (!self.kicked.is_empty() || pending() || quiet())
    }

    /// Time passes for the buffers that wait.
    pub(crate) fn tick(&mut self) {
        for request in &mut self.requests {
            if let Due::After(ticks) = request.due {
                request.due = if ticks <= 1 { Due::Now } else { Due::After(ticks - 1) };
            }
        }
    }

    /// Whether the request at this index may be finished before those that came earlier.
    fn is_in_turn(&self, index: usize) -> bool {
        let queue = self.requests[index].queue;
        !self.negotiated(features::IN_ORDER) || !self.requests.iter().take(index).any(|one| one.queue == queue)
    }

    /// The requests that are finished next: at most one where each gets an entry of its own, else of one queue.
    fn next_due(&mut self) -> Vec<Request> {
        let is_due = |request: &Request| request.due == Due::Now;
        let backwards = self.requests.iter().any(|request| request.faults.contains(&QueueFault::OutOfOrder));
        let next = match backwards {
            true => self.requests.iter().rposition(is_due),
            false => (0..self.requests.len()).find(|index| is_due(&self.requests[*index]) && self.is_in_turn(*index)),
        };
        let Some(request) = next.and_then(|index| self.requests.remove(index)) else { return Vec::new() };
        let batches = self.options.used_entries == UsedEntries::OnePerBatch && self.negotiated(features::IN_ORDER);
        let mut batch = vec![request];
        // What goes wrong with a buffer goes wrong with an entry, which is that of the last one.
        while let [.., Request { queue, faults, .. }] = &batch[..]
            && batches
            && faults.is_empty()
            && let Some(next) = self.requests.iter().position(|one| one.queue == *queue)
            && is_due(&self.requests[next])
            && let Some(request) = self.requests.remove(next)
        {
            batch.push(request);
        }
        batch
    }

    /// Asks for notifications of a queue again. Whether there was such a queue.
    fn rest_a_queue(&mut self) -> bool {
        let Some((&queue, slot)) = self.queues.iter_mut().find(|(_, slot)| slot.quiet) else { return false };
        slot.quiet = false;
        // There may be a buffer that came just before the driver could know.
        if slot.ring.as_mut().is_some_and(|ring| ring.want(&self.bus)) {
            self.kicked.insert(queue);
        }
        true
    }

    /// Takes all buffers that the driver has made available on `queue`.
    fn take_available(&mut self, queue: u16) {
        let suppresses = self.options.notifications == Notifications::Suppressed;
        // An event index has to be set anew even where notifications are always wanted.
        let rests = suppresses || self.negotiated(features::EVENT_IDX);
        let Some(slot) = self.queues.get_mut(&queue) else { return };
        let Some(ring) = slot.ring.as_mut().filter(|_| !slot.given_up) else { return };
        if suppresses {
            ring.suppress(&self.bus);
        }
        let expected = ring.taken();
        let chains = match ring.take(&self.bus) {
            Ok(chains) => chains,
            Err(Overrun(index)) => {
                slot.given_up = true;
                return self.violation(Violation::AvailableIndex { queue, index, expected });
            }
        };
        slot.quiet = rests;
        let first = self.requests.len();
        for (offset, chain) in chains.into_iter().enumerate() {
            self.accept(queue, expected.wrapping_add(offset as u16), chain);
        }
        // Only now, for the sake of the arrays that come after the one that is scribbled over.
        for index in first..self.requests.len() {
            self.scribble(index);
        }
    }

    /// Takes the buffer that was the `place`th to be made available on its queue.
    fn accept(&mut self, queue: u16, place: u16, chain: Chain) {
        let Chain { id: head, slots, elements, flaws } = chain;
        let faults = self.faults.of_buffer(self.taken, queue);
        self.taken += 1;
        for fault in &faults {
            self.misbehaved(fault);
        }
        if self.requests.iter().any(|request| request.queue == queue && request.head == head) {
            self.violation(Violation::HeadInFlight { queue, head });
        }
        for flaw in &flaws {
            match flaw {
                Flaw::Broken => self.violation(Violation::BrokenChain { queue, head }),
                Flaw::Linked => self.violation(RingViolation::IndirectLinked { queue, head }),
                Flaw::Nested => self.violation(RingViolation::IndirectNested { queue, head }),
                Flaw::TableFlags => self.violation(RingViolation::IndirectFlags { queue, head }),
                Flaw::Unordered => self.violation(RingViolation::Unordered { queue, head }),
                Flaw::Overrun => self.violation(RingViolation::Overrun { queue, head }),
                Flaw::Indirect if !self.negotiated(features::INDIRECT_DESC) => {
                    self.violation(Violation::Indirect { queue, head });
                }
                Flaw::Indirect => {}
            }
        }
        let content = match flaws.contains(&Flaw::Broken) {
            false => self.understand(queue, place, head, &elements, &faults),
            true => Content::Nothing,
        };
        // Statistics stay until the host wants newer ones.
        let held = matches!(content, Content::Statistics) && !faults.contains(&QueueFault::Unasked);
        let due = if held { Due::Held } else { due(&faults) };
        self.requests.push_back(Request { queue, head, slots, elements, content, due, faults });
    }

    fn understand(
        &mut self,
        queue: u16,
        place: u16,
        head: u16,
        elements: &[Element],
        faults: &[QueueFault],
    ) -> Content {
        let Some(kind) = self.queues.get(&queue).map(|slot| slot.kind) else { return Content::Nothing };
        let looks = self.options.work != Work::Acknowledge;
        match kind {
            QueueKind::Inflate | QueueKind::Deflate if looks => Content::Array(self.read_array(queue, head, elements)),
            QueueKind::Statistics => {
                self.take_statistics(queue, head, elements);
                Content::Statistics
            }
            QueueKind::FreePage if looks => Content::Hint(self.take_hint(queue, place, head, elements, faults)),
            QueueKind::Reporting if looks => Content::Report(self.take_report(queue, head, elements, faults)),
            _ => Content::Nothing,
        }
    }

    /// What the device may read in a buffer, at most `most` bytes of it. `None` where that is not all in memory.
    pub(super) fn readable_bytes(&self, elements: &[Element], most: u64) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for element in elements.iter().filter(|element| !element.writable) {
            let left = most.saturating_sub(content.len() as u64);
            let mut part = vec![0; u64::from(element.length).min(left) as usize];
            self.bus.read(element.address, &mut part)?;
            content.append(&mut part);
        }
        Some(content)
    }

    /// Forgets the buffers of a queue that is taken away.
    pub(super) fn drop_requests(&mut self, queue: u16) {
        let (gone, left) = std::mem::take(&mut self.requests).into_iter().partition(|request| request.queue == queue);
        self.requests = left;
        let gone: VecDeque<Request> = gone;
        for request in gone {
            if let Content::Report(report) = request.content {
                self.forget_report(&report);
            }
        }
    }

    fn finish(&mut self, batch: Vec<Request>) {
        for Request { queue, elements, content, faults, .. } in &batch {
            let Some(kind) = self.queues.get(queue).map(|slot| slot.kind) else { return };
            if faults.contains(&QueueFault::NeedsReset) {
                return self.needs_reset();
            }
            // Memory stays in the device's reach for as long as it has the buffer.
            for element in elements {
                let _ = self.bus.physical(element.address, element.length.into());
            }
            match content {
                Content::Array(pfns) if kind == QueueKind::Inflate => self.inflate(pfns),
                Content::Array(pfns) => self.deflate(pfns),
                Content::Report(report) => self.finish_report(report),
                Content::Hint(hint) => self.finish_hint(hint),
                Content::Statistics | Content::Nothing => {}
            }
        }
        self.give_back(&batch);
    }

    /// Tells the driver by one entry that the buffers are its own again, and interrupts it if it wants that.
    fn give_back(&mut self, batch: &[Request]) {
        let Some(&Request { queue, head, ref faults, .. }) = batch.last() else { return };
        let slots = batch.iter().map(|request| request.slots).sum();
        let buffers = batch.len() as u16;
        let in_flight = |id: u16| id == head || self.requests.iter().any(|one| one.queue == queue && one.head == id);
        let bus = &self.bus;
        let Some(ring) = self.queues.get_mut(&queue).and_then(|slot| slot.ring.as_mut()) else { return };

        // The arrays are only read, so that no byte was written (2.7.8.2).
        let (mut id, mut written) = (u32::from(head), 0);
        for fault in faults {
            match fault {
                QueueFault::UsedId(lie) => id = *lie,
                QueueFault::UsedIdNotOutstanding => {
                    id = (0..ring.size()).find(|id| !in_flight(*id)).unwrap_or(ring.size()).into();
                }
                QueueFault::UsedLength(lie) => written = *lie,
                _ => {}
            }
        }
        let times = if faults.contains(&QueueFault::UsedTwice) { 2 } else { 1 };
        for _ in 0..times {
            ring.push(bus, Used { id, written, slots, buffers });
        }
        for fault in faults {
            if let QueueFault::UsedIndexJump(jump) = fault {
                ring.jump(bus, *jump);
            }
        }
        let wanted = ring.wants_interrupt(bus);
        for &Request { head, .. } in batch {
            self.log(Event::Completed { queue, head });
        }
        if wanted && !faults.contains(&QueueFault::LosesInterrupt) {
            self.interrupt(Cause::UsedBuffer);
        }
    }

    fn scribble(&mut self, request: usize) {
        let Some(request) = self.requests.get(request) else { return };
        let Some(ring) = self.queues.get_mut(&request.queue).and_then(|slot| slot.ring.as_mut()) else { return };
        for fault in &request.faults {
            match fault {
                QueueFault::Scribbles(Scribble::Array) => {
                    for element in &request.elements {
                        // Hostile, not boundless: what is more than any array is left alone, and so is what lies
                        // outside memory.
                        let content = vec![0xff; element.length.min(1 << 16) as usize];
                        let _ = self.bus.write(element.address, &content);
                    }
                }
                QueueFault::Scribbles(part) => ring.scribble(&self.bus, *part),
                _ => {}
            }
        }
    }
}

/// When a buffer with these faults is given back, once the device is done with it.
pub(super) fn due(faults: &[QueueFault]) -> Due {
    faults.iter().fold(Due::Now, |due, fault| match fault {
        QueueFault::NeverAnswers => Due::Never,
        QueueFault::Delay(ticks @ 1..) if due == Due::Now => Due::After(*ticks),
        _ => due,
    })
}
