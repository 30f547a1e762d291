//! What the device does next.

use super::super::features;
use super::super::options::UsedEntries;
use super::super::state::{CompleteWhen, Payload, Request, State};
use crate::fault::QueueFault;

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The step did some work.
    Made,
    /// Only delayed buffers are left: they need ticks.
    Waiting,
    /// There is no work before the next notification.
    Idle,
}

impl State {
    /// Does one step of work: takes the buffers of one queue, completes one batch, or enables the notifications of one
    /// queue.
    pub(crate) fn step(&mut self) -> Progress {
        let progress = self.next_step();
        self.report_unmapped();
        progress
    }

    fn next_step(&mut self) -> Progress {
        if self.is_stopped() {
            return Progress::Idle;
        }
        if let Some(queue) = self.notified.pop_first() {
            self.take_available(queue);
            return Progress::Made;
        }
        let batch = self.next_batch();
        if !batch.is_empty() {
            self.complete(batch);
            return Progress::Made;
        }
        if self.rearm_next_queue() {
            return Progress::Made;
        }
        if self.requests.iter().any(|request| matches!(request.complete, CompleteWhen::After(_))) {
            return Progress::Waiting;
        }
        Progress::Idle
    }

    /// Returns whether a step would make progress, now or after some ticks.
    pub(crate) fn has_work(&self) -> bool {
        let pending = || {
            let mut requests = self.requests.iter().enumerate();
            requests.any(|(index, request)| match request.complete {
                CompleteWhen::Now => self.is_in_turn(index),
                CompleteWhen::After(_) => true,
                CompleteWhen::Requested | CompleteWhen::Never => false,
            })
        };
        let rearm = || self.queues.values().any(|queue| queue.needs_rearm);
        !self.is_stopped() && (!self.notified.is_empty() || pending() || rearm())
    }

    /// Advances the time of delayed buffers by one tick.
    pub(crate) fn tick(&mut self) {
        for request in &mut self.requests {
            if let CompleteWhen::After(ticks) = request.complete {
                request.complete = if ticks <= 1 { CompleteWhen::Now } else { CompleteWhen::After(ticks - 1) };
            }
        }
    }

    /// Returns whether the request at this index can be completed before earlier ones.
    fn is_in_turn(&self, index: usize) -> bool {
        let queue = self.requests[index].queue;
        !self.negotiated(features::IN_ORDER) || !self.requests.iter().take(index).any(|one| one.queue == queue)
    }

    /// Removes and returns the requests to complete next: several only if they share one used entry.
    fn next_batch(&mut self) -> Vec<Request> {
        let is_due = |request: &Request| request.complete == CompleteWhen::Now;
        let reverse = self.requests.iter().any(|request| request.faults.contains(&QueueFault::CompletesInReverse));
        let next = match reverse {
            true => self.requests.iter().rposition(is_due),
            false => (0..self.requests.len()).find(|index| is_due(&self.requests[*index]) && self.is_in_turn(*index)),
        };
        let Some(request) = next.and_then(|index| self.requests.remove(index)) else { return Vec::new() };
        let batches = self.options.used_entries == UsedEntries::OnePerBatch && self.negotiated(features::IN_ORDER);
        let mut batch = vec![request];
        // A fault applies to a used entry, so a buffer with faults has to be the last of its batch.
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

    /// Enables the notifications of a queue that needs it. Returns whether there was one.
    fn rearm_next_queue(&mut self) -> bool {
        let Some((&number, queue)) = self.queues.iter_mut().find(|(_, queue)| queue.needs_rearm) else { return false };
        queue.needs_rearm = false;
        // A buffer may have become available just before the driver saw that notifications are enabled.
        if queue.ring.as_mut().is_some_and(|ring| ring.enable_notifications(&self.bus)) {
            self.notified.insert(number);
        }
        true
    }

    /// Drops the buffers of a queue that is disabled or reset.
    pub(crate) fn drop_requests(&mut self, queue: u16) {
        let (dropped, kept): (Vec<_>, _) =
            std::mem::take(&mut self.requests).into_iter().partition(|request| request.queue == queue);
        self.requests = kept.into();
        for request in dropped {
            if let Payload::Report(report) = request.payload {
                self.release_report(&report);
            }
        }
    }
}
