//! One queue starts over while the others go on: RING_RESET (2.6.1).

use super::State;
use crate::log::Event;
use crate::misbehave::RegisterFault;
use crate::violation::Violation;

/// How far the driver has got with a reset of one queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum QueueReset {
    /// There was none.
    #[default]
    Never,
    /// It was asked for; QueueReset reads 1 so many more times, `u32::MAX` for ever.
    Asked(u32),
    /// It is complete, and the driver knows.
    Known,
}

impl State {
    pub(super) fn read_queue_reset(&mut self, queue: u32) -> u32 {
        self.slot(queue).map_or(0, |slot| match slot.reset {
            QueueReset::Asked(left @ 1..) => {
                slot.reset = QueueReset::Asked(if left == u32::MAX { left } else { left - 1 });
                1
            }
            QueueReset::Asked(0) => {
                slot.reset = QueueReset::Known;
                0
            }
            QueueReset::Never | QueueReset::Known => 0,
        })
    }

    pub(super) fn write_queue_reset(&mut self, queue: u32, value: u32) {
        let ready = self.slot(queue).is_some_and(|slot| slot.ring.is_some());
        if value != 1 || !ready {
            return self.violation(Violation::QueueReset { queue, value });
        }
        self.take_queue_away(queue);
        let slow = self.faults.register(|fault| match fault {
            RegisterFault::SlowQueueReset(reads) => Some(reads),
            _ => None,
        });
        if let Some(slot) = self.slot(queue) {
            slot.reset = QueueReset::Asked(slow.unwrap_or(0));
        }
        self.log(Event::QueueReset { queue: queue as u16 });
    }

    /// Whether the driver still has to read that the reset of a queue is complete.
    pub(super) fn is_reset_unread(&mut self, queue: u32) -> bool {
        self.slot(queue).is_some_and(|slot| matches!(slot.reset, QueueReset::Asked(_)))
    }

    /// Whether a queue may be set up again though the device is live.
    pub(super) fn was_reset(&mut self, queue: u32) -> bool {
        self.slot(queue).is_some_and(|slot| slot.reset == QueueReset::Known)
    }
}
