//! The way of a buffer through the device: taken, kept for a while, done, given back.

use std::collections::VecDeque;
use std::num::Wrapping;
use std::sync::atomic::Ordering;

use virtio_bindings::virtio_config::VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET;
use virtio_queue::desc::split::Descriptor;
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryMmap};

use super::hinting::Hint;
use super::queue::{ring_bytes, wants_interrupt};
use super::reporting::Report;
use super::{Notifications, QueueKind, State, Work, features};
use crate::log::{Cause, Event};
use crate::misbehave::{QueueFault, Scribble};
use crate::violation::Violation;

/// A buffer that the device has.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) queue: u16,
    head: u16,
    pub(super) descriptors: Vec<Descriptor>,
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
        if self.status & NEEDS_RESET != 0 {
            return Progress::Idle;
        }
        if let Some(queue) = self.kicked.pop_first() {
            self.take_available(queue);
            return Progress::Made;
        }
        if let Some(request) = self.next_due() {
            self.finish(request);
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
        let pending = || self.requests.iter().any(|request| matches!(request.due, Due::Now | Due::After(_)));
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

    fn next_due(&mut self) -> Option<Request> {
        let is_due = |request: &Request| request.due == Due::Now;
        let backwards = self.requests.iter().any(|request| request.faults.contains(&QueueFault::OutOfOrder));
        let next =
            if backwards { self.requests.iter().rposition(is_due) } else { self.requests.iter().position(is_due) };
        next.and_then(|index| self.requests.remove(index))
    }

    /// Asks for notifications of a queue again. Whether there was such a queue.
    fn rest_a_queue(&mut self) -> bool {
        let Some((&queue, slot)) = self.queues.iter_mut().find(|(_, slot)| slot.quiet) else { return false };
        let bus = self.memory.bus();
        slot.quiet = false;
        // There may be a buffer that came just before the driver could know.
        if slot.ring.as_mut().is_some_and(|ring| ring.enable_notification(bus).unwrap_or(false)) {
            self.kicked.insert(queue);
        }
        true
    }

    /// Takes all buffers that the driver has made available on `queue`.
    fn take_available(&mut self, queue: u16) {
        let suppresses = self.options.notifications == Notifications::Suppressed;
        let bus = self.memory.bus();
        let Some(slot) = self.queues.get_mut(&queue) else { return };
        let Some(ring) = slot.ring.as_mut().filter(|_| !slot.given_up) else { return };
        let index = ring.avail_idx(bus, Ordering::Acquire).unwrap_or(Wrapping(ring.next_avail())).0;
        if slot.scribbled_index == Some(index) {
            return;
        }
        slot.scribbled_index = None;
        if suppresses {
            // A queue that is ready lies in memory: the flags can be written.
            let _ = ring.disable_notification(bus);
        }
        // An event index has to be set anew even where notifications are always wanted.
        slot.quiet = suppresses || ring.event_idx_enabled();
        let expected = ring.next_avail();
        let chains: Vec<(u16, Vec<Descriptor>)> = match ring.iter(bus) {
            Ok(chains) => chains.map(|chain| (chain.head_index(), chain.collect())).collect(),
            Err(_) => {
                slot.quiet = false;
                slot.given_up = true;
                return self.violation(Violation::AvailableIndex { queue, index, expected });
            }
        };
        let first = self.requests.len();
        for (offset, (head, descriptors)) in chains.into_iter().enumerate() {
            self.accept(queue, expected.wrapping_add(offset as u16), head, descriptors);
        }
        // Only now, for the sake of the arrays that come after the one that is scribbled over.
        for index in first..self.requests.len() {
            self.scribble(index);
        }
    }

    /// Takes the buffer that was the `place`th to be made available on its queue.
    fn accept(&mut self, queue: u16, place: u16, head: u16, descriptors: Vec<Descriptor>) {
        let faults = self.faults.of_buffer(self.taken, queue);
        self.taken += 1;
        for fault in &faults {
            self.misbehaved(fault);
        }
        if self.requests.iter().any(|request| request.queue == queue && request.head == head) {
            self.violation(Violation::HeadInFlight { queue, head });
        }
        let whole = descriptors.last().is_some_and(|last| !last.has_next());
        if !whole {
            self.violation(Violation::BrokenChain { queue, head });
        }
        if self.is_indirect(queue, head) && !self.negotiated(features::INDIRECT_DESC) {
            self.violation(Violation::Indirect { queue, head });
        }
        let content = if whole { self.understand(queue, place, head, &descriptors, &faults) } else { Content::Nothing };
        // Statistics stay until the host wants newer ones.
        let held = matches!(content, Content::Statistics) && !faults.contains(&QueueFault::Unasked);
        let due = if held { Due::Held } else { due(&faults) };
        self.requests.push_back(Request { queue, head, descriptors, content, due, faults });
    }

    fn understand(
        &mut self,
        queue: u16,
        place: u16,
        head: u16,
        descriptors: &[Descriptor],
        faults: &[QueueFault],
    ) -> Content {
        let Some(kind) = self.queues.get(&queue).map(|slot| slot.kind) else { return Content::Nothing };
        let looks = self.options.work != Work::Acknowledge;
        match kind {
            QueueKind::Inflate | QueueKind::Deflate if looks => {
                Content::Array(self.read_array(queue, head, descriptors))
            }
            QueueKind::Statistics => {
                self.take_statistics(queue, head, descriptors);
                Content::Statistics
            }
            QueueKind::FreePage if looks => Content::Hint(self.take_hint(queue, place, head, descriptors, faults)),
            QueueKind::Reporting if looks => Content::Report(self.take_report(queue, head, descriptors, faults)),
            _ => Content::Nothing,
        }
    }

    /// What the device may read in a buffer, at most `most` bytes of it. `None` where that is not all in memory.
    pub(super) fn readable_bytes(&self, descriptors: &[Descriptor], most: u64) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for descriptor in descriptors.iter().filter(|descriptor| !descriptor.is_write_only()) {
            let left = most.saturating_sub(content.len() as u64);
            let mut part = vec![0; u64::from(descriptor.len()).min(left) as usize];
            self.memory.bus().read_slice(&mut part, descriptor.addr()).ok()?;
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

    fn is_indirect(&self, queue: u16, head: u16) -> bool {
        let table = self.queues.get(&queue).and_then(|slot| slot.ring.as_ref()).map(Queue::desc_table);
        let at = table.and_then(|table| table.checked_add(16 * u64::from(head)));
        let descriptor = at.and_then(|at| self.memory.bus().read_obj::<Descriptor>(GuestAddress(at)).ok());
        descriptor.is_some_and(|descriptor| descriptor.refers_to_indirect_table())
    }

    fn finish(&mut self, request: Request) {
        let Request { queue, head, ref content, ref faults, .. } = request;
        let Some(kind) = self.queues.get(&queue).map(|slot| slot.kind) else { return };
        if faults.contains(&QueueFault::NeedsReset) {
            return self.needs_reset();
        }
        match content {
            Content::Array(pfns) if kind == QueueKind::Inflate => self.inflate(pfns),
            Content::Array(pfns) => self.deflate(pfns),
            Content::Report(report) => self.finish_report(report),
            Content::Hint(hint) => self.finish_hint(hint),
            Content::Statistics | Content::Nothing => {}
        }
        self.give_back(queue, head, faults);
    }

    /// Puts the buffer into the used ring, and interrupts the driver if it wants that.
    fn give_back(&mut self, queue: u16, head: u16, faults: &[QueueFault]) {
        let in_flight = |id: u16| id == head || self.requests.iter().any(|one| one.queue == queue && one.head == id);
        let bus = self.memory.bus();
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
            push_used(ring, bus, id, written);
        }
        for fault in faults {
            if let QueueFault::UsedIndexJump(jump) = fault {
                let index = ring.next_used().wrapping_add_signed(*jump);
                // A queue that is ready lies in memory: the index can be written.
                let _ = bus.store(index.to_le(), GuestAddress(ring.used_ring() + 2), Ordering::Release);
            }
        }
        let wanted = wants_interrupt(ring, bus);
        self.log(Event::Completed { queue, head });
        if wanted && !faults.contains(&QueueFault::LosesInterrupt) {
            self.interrupt(Cause::UsedBuffer);
        }
    }

    fn scribble(&mut self, request: usize) {
        let Some(request) = self.requests.get(request) else { return };
        let Some(slot) = self.queues.get_mut(&request.queue) else { return };
        let Some(ring) = slot.ring.as_ref() else { return };
        let bus = self.memory.bus();
        let [table, driver, device] = ring_bytes(ring.size()).map(|bytes| bytes as usize);
        // What lies outside memory cannot be overwritten, which is no loss.
        let overwrite = |at: u64, length: usize| drop(bus.write_slice(&vec![0xff; length], GuestAddress(at)));
        for fault in &request.faults {
            match fault {
                QueueFault::Scribbles(Scribble::Descriptors) => overwrite(ring.desc_table(), table),
                QueueFault::Scribbles(Scribble::AvailableRing) => {
                    overwrite(ring.avail_ring(), driver);
                    // The device keeps interrupting: only undefined flags are set.
                    let _ = bus.write_obj(0xfffe_u16.to_le(), GuestAddress(ring.avail_ring()));
                    slot.scribbled_index = Some(u16::MAX);
                }
                QueueFault::Scribbles(Scribble::UsedRing) => {
                    overwrite(ring.used_ring() + 4, device - 4);
                    let _ = bus.write_obj(0xfffe_u16.to_le(), GuestAddress(ring.used_ring()));
                }
                QueueFault::Scribbles(Scribble::Array) => {
                    for descriptor in &request.descriptors {
                        // Hostile, not boundless: what is more than any array is left alone.
                        overwrite(descriptor.addr().0, descriptor.len().min(1 << 16) as usize);
                    }
                }
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

/// Adds an entry to the used ring, honest or not.
fn push_used(ring: &mut Queue, bus: &GuestMemoryMmap, id: u32, written: u32) {
    if let Ok(head) = u16::try_from(id)
        && head < ring.size()
    {
        // A queue that is ready lies in memory: the entry can be written.
        let _ = ring.add_used(bus, head, written);
        return;
    }
    // `Queue` refuses an id that the ring does not have.
    let next = ring.next_used();
    let entry = ring.used_ring() + 4 + 8 * u64::from(next % ring.size());
    let _ = bus.write_obj(id.to_le(), GuestAddress(entry));
    let _ = bus.write_obj(written.to_le(), GuestAddress(entry + 4));
    ring.set_next_used(next.wrapping_add(1));
    let _ = bus.store(next.wrapping_add(1).to_le(), GuestAddress(ring.used_ring() + 2), Ordering::Release);
}
