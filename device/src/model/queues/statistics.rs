//! The statistics queue (5.5.6.3).

use super::super::numbering::QueueKind;
use super::super::options::Timing;
use super::super::state::{CompleteWhen, NewBuffer, State};
use crate::event::Event;
use crate::violation::{PageViolation, StatisticsViolation};

/// Size in bytes of an entry: a 2-byte tag and an 8-byte value.
const ENTRY: usize = 10;
/// Maximum number of bytes that the device reads of a buffer: one entry for each possible tag.
const MAX_BYTES: u64 = 65_536 * ENTRY as u64;

/// Returns the tags in ascending order.
fn sorted_tags(values: &[(u16, u64)]) -> Vec<u16> {
    let mut tags: Vec<u16> = values.iter().map(|(tag, _)| *tag).collect();
    tags.sort_unstable();
    tags
}

impl State {
    /// Reads a statistics buffer. The device holds it until the host requests new statistics.
    pub(crate) fn take_statistics(&mut self, buffer: NewBuffer<'_>) {
        let NewBuffer { queue, head, .. } = buffer;
        if self.requests.iter().any(|request| request.queue == queue) {
            self.violation(StatisticsViolation::TwoBuffers { head });
        }
        if buffer.has_writable() {
            self.violation(PageViolation::WritableArray { queue, head });
        }
        let bytes = buffer.bytes();
        if bytes == 0 || !bytes.is_multiple_of(ENTRY as u64) {
            self.violation(StatisticsViolation::Length { bytes });
        }
        let Some(content) = self.read_buffer(buffer, MAX_BYTES) else { return };
        let values = self.parse_statistics(&content);
        self.check_tags(&values);
        self.statistics.count += 1;
        self.statistics.values = Some(values.clone());
        self.log(Event::Statistics { values });
    }

    fn parse_statistics(&self, content: &[u8]) -> Vec<(u16, u64)> {
        let order = self.bus.order();
        let entries = content.as_chunks::<ENTRY>().0.iter();
        let entry = |&[t0, t1, v0, v1, v2, v3, v4, v5, v6, v7]: &[u8; ENTRY]| {
            (order.u16([t0, t1]), order.u64([v0, v1, v2, v3, v4, v5, v6, v7]))
        };
        entries.map(entry).collect()
    }

    /// Checks that each tag occurs once, and that the tags are those of the previous buffer.
    fn check_tags(&mut self, values: &[(u16, u64)]) {
        let now = sorted_tags(values);
        for pair in now.windows(2) {
            if let [one, other] = pair
                && one == other
            {
                self.violation(StatisticsViolation::TagTwice { tag: *one });
            }
        }
        if let Some(before) = self.statistics.values.as_deref().map(sorted_tags)
            && before != now
        {
            self.violation(StatisticsViolation::TagsChanged { before, now });
        }
    }

    /// Completes the statistics buffer that the device holds, so that the driver sends new statistics. Returns whether
    /// the device held one.
    pub(crate) fn request_statistics(&mut self) -> bool {
        let Some(queue) = self.queue_number(QueueKind::Statistics) else { return false };
        let is_held = |complete: CompleteWhen| complete == CompleteWhen::Requested;
        let mut requests = self.requests.iter_mut();
        if let Some(request) = requests.find(|request| request.queue == queue && is_held(request.complete)) {
            request.complete = CompleteWhen::processed(&request.faults);
            self.log(Event::StatisticsRequested);
            return true;
        }
        self.check_statistics_notified(queue);
        false
    }

    /// Records a violation if a statistics buffer is available and the device will not notice it without a notification.
    fn check_statistics_notified(&mut self, number: u16) {
        // With concurrent timing the driver may be about to notify.
        if self.options.timing != Timing::Alternating || !self.is_live() {
            return;
        }
        let queue = self.queues.get(&number);
        let was_notified = self.notified.contains(&number) || self.lost_notifications.contains(&number);
        let will_be_checked = was_notified || queue.is_some_and(|queue| queue.needs_rearm);
        let available = queue.and_then(|queue| queue.available(&self.bus));
        if !will_be_checked && available.is_some_and(|buffers| buffers > 0) {
            self.violation(StatisticsViolation::NotNotified);
        }
    }
}
