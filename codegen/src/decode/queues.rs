//! The queue of an exchange.

use super::Decoder;
use super::exchange::Exchange;
use crate::model::{Device, IndexVariable, Queue};

impl Decoder<'_> {
    /// Finds the queue by its index, and by the side that writes its buffers.
    ///
    /// Some devices number their queues densely: a queue whose feature is not offered has no number. The file system device is an
    /// example. If the queue with the index of the description has a feature that was not given, and the other side wrote the buffer, it
    /// is the queue of such a device.
    pub(super) fn queue<'d>(&self, device: &'d Device, exchange: &Exchange) -> Option<&'d Queue> {
        let find = |index: &dyn Fn(&Queue) -> u16| {
            let queues = device.queues.iter().filter(|queue| self.is_index_of(queue, index(queue)));
            let queues = queues.filter(|queue| fits(queue, exchange));
            // A queue with a fixed index is more certain than one of several.
            queues.min_by_key(|queue| queue.computed.is_some())
        };
        let missing_before = |queue: &Queue| {
            let before = device.queues.iter().filter(|other| other.index < queue.index && other.computed.is_none());
            u16::try_from(before.filter(|other| self.is_missing(other)).count()).unwrap_or(u16::MAX)
        };
        let described = |_: &Queue| exchange.queue;
        let dense = |queue: &Queue| exchange.queue.saturating_add(missing_before(queue));
        let any = || {
            let queues = device.queues.iter().filter(|queue| self.is_index_of(queue, exchange.queue));
            queues.min_by_key(|queue| queue.computed.is_some())
        };
        find(&described).or_else(|| find(&dense)).or_else(any)
    }

    /// Returns whether the queue depends on a feature that was not given.
    fn is_missing(&self, queue: &Queue) -> bool {
        queue.condition.as_ref().is_some_and(|condition| !self.features.contains(&condition.name.text))
    }

    fn is_index_of(&self, queue: &Queue, index: u16) -> bool {
        let Some(computed) = &queue.computed else { return queue.index == index };
        let (scale, offset) = (u64::from(computed.scale), u64::from(computed.offset));
        match &computed.n {
            IndexVariable::Queue { from, below } => {
                let limit = below.as_ref().and_then(|(field, _)| self.config.get(&field.text));
                let Some(distance) = u64::from(index).checked_sub(offset) else { return false };
                let n = distance.checked_div(scale).unwrap_or(0);
                distance.is_multiple_of(scale) && n >= u64::from(*from) && limit.is_none_or(|limit| n < *limit)
            }
            IndexVariable::Field(field, _) => {
                let n = self.config.get(&field.text);
                n.is_some_and(|n| {
                    scale.checked_mul(*n).and_then(|index| index.checked_add(offset)) == Some(index.into())
                })
            }
        }
    }
}

/// Returns whether only the side that writes the buffers of the queue wrote this one.
fn fits(queue: &Queue, exchange: &Exchange) -> bool {
    match queue.writable {
        Some(true) => exchange.readable.is_empty(),
        Some(false) => exchange.written.is_empty(),
        None => true,
    }
}
