//! The statistics queue: section 5.5.6.3.

use super::requests::{Due, due};
use super::ring::Element;
use super::{Pace, QueueKind, State};
use crate::log::Event;
use crate::violation::{StatisticsViolation, Violation};

/// Bytes of an entry: a tag of two, a value of eight.
const ENTRY: usize = 10;
/// The bytes of an overlong buffer that this device still looks at: one entry for each tag.
const LOOKED_AT: u64 = 65_536 * ENTRY as u64;

/// What the driver said last.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Tags and values in the order in which they came.
    pub(crate) values: Option<Vec<(u16, u64)>>,
    /// How many buffers came since the device was started.
    pub(crate) count: u64,
}

impl Statistics {
    pub(super) fn reset(&mut self) {
        self.values = None;
    }
}

/// The tags in ascending order.
fn tags(values: &[(u16, u64)]) -> Vec<u16> {
    let mut tags: Vec<u16> = values.iter().map(|(tag, _)| *tag).collect();
    tags.sort_unstable();
    tags
}

impl State {
    /// Reads a buffer, which then stays with the device until the host wants newer statistics.
    pub(super) fn take_statistics(&mut self, queue: u16, head: u16, elements: &[Element]) {
        if self.requests.iter().any(|request| request.queue == queue) {
            self.violation(StatisticsViolation::TwoBuffers { head });
        }
        if elements.iter().any(|element| element.writable) {
            self.violation(Violation::WritableArray { queue, head });
        }
        let bytes: u64 = elements.iter().map(|element| u64::from(element.length)).sum();
        if bytes == 0 || !bytes.is_multiple_of(ENTRY as u64) {
            self.violation(StatisticsViolation::Length { bytes });
        }
        let Some(content) = self.readable_bytes(elements, LOOKED_AT) else {
            return self.violation(Violation::BrokenChain { queue, head });
        };
        let order = self.bus.order();
        let entries = content.as_chunks::<ENTRY>().0.iter();
        let values: Vec<(u16, u64)> = entries
            .map(|&[t0, t1, v0, v1, v2, v3, v4, v5, v6, v7]| {
                (order.u16([t0, t1]), order.u64([v0, v1, v2, v3, v4, v5, v6, v7]))
            })
            .collect();

        let now = tags(&values);
        for pair in now.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                self.violation(StatisticsViolation::TagTwice { tag: *one });
            }
        }
        if let Some(before) = self.statistics.values.as_deref().map(tags)
            && before != now
        {
            self.violation(StatisticsViolation::TagsChanged { before, now });
        }
        self.statistics.count += 1;
        self.statistics.values = Some(values.clone());
        self.log(Event::Statistics { values });
    }

    /// Gives the buffer that the device holds back to the driver, which then has to send newer statistics. Whether there
    /// was one.
    pub(crate) fn request_statistics(&mut self) -> bool {
        let Some(queue) = self.queue_number(QueueKind::Statistics) else { return false };
        let held = |due: Due| due == Due::Held;
        if let Some(request) = self.requests.iter_mut().find(|request| request.queue == queue && held(request.due)) {
            request.due = due(&request.faults);
            self.log(Event::StatisticsRequested);
            return true;
        }
        let slot = self.queues.get(&queue);
        // A queue that is kicked or quiet is going to be looked at.
        let looked_after = self.kicked.contains(&queue) || slot.is_some_and(|slot| slot.quiet);
        let new = slot.and_then(|slot| slot.new_buffers(&self.bus));
        // Otherwise the driver may just be about to notify.
        let in_turns = self.options.pace == Pace::InTurns;
        if in_turns && self.is_live() && !looked_after && new.is_some_and(|new| new > 0) {
            self.violation(StatisticsViolation::NotNotified);
        }
        false
    }
}
