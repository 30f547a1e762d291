//! The reset of a single queue: RING_RESET (2.6.1).

use super::super::state::{QueueReset, State};
use crate::event::Event;
use crate::quirk::Quirk;
use crate::violation::QueueViolation;

impl State {
    pub(crate) fn read_queue_reset(&mut self, number: u32) -> u32 {
        self.queue(number).map_or(0, |queue| match queue.reset {
            QueueReset::Started(left @ 1..) => {
                queue.reset = QueueReset::Started(if left == u32::MAX { left } else { left - 1 });
                1
            }
            QueueReset::Started(0) => {
                queue.reset = QueueReset::Complete;
                0
            }
            QueueReset::None | QueueReset::Complete => 0,
        })
    }

    pub(crate) fn write_queue_reset(&mut self, number: u32, value: u32) {
        let ready = self.queue(number).is_some_and(|queue| queue.is_ready());
        if value != 1 || !ready {
            return self.violation(QueueViolation::Reset { queue: number, value });
        }
        if self.has(Quirk::IgnoresQueueReset) {
            return;
        }
        self.clear_queue(number);
        let reads = self.faults.slow_queue_reset().unwrap_or(0);
        if let Some(queue) = self.queue(number) {
            queue.reset = QueueReset::Started(reads);
        }
        self.log(Event::QueueReset { queue: number as u16 });
    }

    /// Returns whether the driver has not read yet that the reset of a queue is complete.
    pub(crate) fn is_reset_pending(&mut self, number: u32) -> bool {
        self.queue(number).is_some_and(|queue| matches!(queue.reset, QueueReset::Started(_)))
    }

    /// Returns whether a queue can be set up again although the device is live.
    pub(crate) fn is_reset_complete(&mut self, number: u32) -> bool {
        self.queue(number).is_some_and(|queue| queue.reset == QueueReset::Complete)
    }
}
