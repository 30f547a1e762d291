//! Notifications by the driver (2.9).

use super::super::features;
use super::super::state::State;
use crate::event::{Cause, Event};
use crate::fault::RegisterFault;
use crate::violation::QueueViolation;

impl State {
    /// Handles a write to QueueNotify.
    pub(crate) fn notify(&mut self, value: u32) {
        if !self.is_live() {
            return self.violation(QueueViolation::NotifiedBeforeDriverOk { queue: value, status: self.status });
        }
        let with_data = self.negotiated(features::NOTIFICATION_DATA);
        let number = if with_data { value & 0xffff } else { value };
        let Some(queue) = u16::try_from(number).ok().filter(|queue| self.is_ready(*queue)) else {
            return self.violation(QueueViolation::NotifiedNotReady { queue: number });
        };
        if with_data {
            self.check_notification_data(queue, (value >> 16) as u16);
        }
        if self.queues.get(&queue).is_some_and(|one| self.is_unused(one.kind)) {
            return self.violation(QueueViolation::UsedWithoutFeature { queue });
        }
        self.log(Event::Notified { queue });
        let number = self.notifications;
        self.notifications += 1;
        if let Some(fault) = self.faults.lost_notification(number) {
            self.log_fault(fault);
            self.lost_notifications.insert(queue);
            return;
        }
        if self.faults.has(RegisterFault::SpuriousInterrupts) {
            self.log_fault(RegisterFault::SpuriousInterrupts);
            self.interrupt(Cause::Nothing);
        }
        self.notified.insert(queue);
    }

    fn is_ready(&self, queue: u16) -> bool {
        self.queues.get(&queue).is_some_and(|queue| queue.is_ready())
    }

    fn check_notification_data(&mut self, queue: u16, data: u16) {
        let ring = self.queues.get(&queue).and_then(|queue| queue.ring.as_ref());
        if let Some(position) = ring.map(|ring| ring.next_available_position(&self.bus)).filter(|it| *it != data) {
            self.violation(QueueViolation::NotificationData { queue, data, position });
        }
    }
}
