//! Memory statistics ("Memory Statistics", 5.5.6.3).

use aerostat_spec::Interface;
use aerostat_spec::balloon::{Stat, StatTag};
use aerostat_transport::queue::{Disabled, Enabled, Writer};
use aerostat_transport::{BufferQueue, Device, DeviceError, Live, Notifier, Transport};
use zerocopy::{IntoBytes, LittleEndian, NativeEndian};

use crate::blocks::Blocks;

/// Tags that there are.
const TAGS: usize = StatTag::ALL.len();
/// Bytes of an entry.
const ENTRY: usize = size_of::<Stat>();
/// Bytes of a buffer that has room for every tag.
pub(crate) const BYTES: usize = TAGS * ENTRY;

/// What a kernel knows of its memory, for the host.
///
/// Implemented where [`StatsVq`](crate::StatsVq) is declared.
pub trait Statistics {
    /// Fills in what the kernel knows now. What it fills in during [`probe`](crate::Balloon::probe) is the set that is sent
    /// from then on: later additions are left out, and of what is missing later the last value is sent.
    fn sample(&mut self, sample: &mut Sample);
}

/// Values of statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    values: [u64; TAGS],
    known: u16,
}

impl Sample {
    /// Sets the value of a statistic: bytes for amounts of memory, a count since boot for everything else. A tag that no
    /// host knows is ignored.
    pub fn set(&mut self, tag: StatTag, value: u64) -> &mut Self {
        if let Some(slot) = self.values.get_mut(usize::from(tag.to_raw())) {
            *slot = value;
            self.known |= 1 << tag.to_raw();
        }
        self
    }

    /// The value of a statistic, if it was set.
    pub fn get(&self, tag: StatTag) -> Option<u64> {
        let raw = tag.to_raw();
        let value = self.values.get(usize::from(raw))?;
        (self.known >> raw & 1 != 0).then_some(*value)
    }

    /// Whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.known == 0
    }

    /// Writes an entry for every statistic of the set, in the byte order of the interface.
    fn write(&self, buffer: &mut Writer<'_>, interface: Interface) {
        for (tag, value) in (0_u16..).zip(self.values).filter(|(tag, _)| self.known >> tag & 1 != 0) {
            match interface {
                Interface::Modern => buffer.bytes(Stat::<LittleEndian>::new(tag, value).as_bytes()),
                Interface::Legacy => buffer.bytes(Stat::<NativeEndian>::new(tag, value).as_bytes()),
            };
        }
    }
}

/// Whether the host had asked for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsRequest {
    /// It had, and has got them.
    Answered,
    /// It has not.
    NotPending,
}

/// The statistics queue. At most one buffer is ever in it.
#[derive(Debug)]
pub(crate) struct StatisticsQueue<N, S = Enabled> {
    queue: BufferQueue<N, 1, S>,
    /// What was sent last; says which statistics are in the set.
    last: Sample,
    /// A book without blocks, which says only whether the device is live.
    book: Blocks,
    interface: Interface,
}

impl<N: Notifier> StatisticsQueue<N, Disabled> {
    /// Puts the first buffer into the queue: the host answers it when it wants the first statistics.
    pub(crate) fn prime(
        mut queue: BufferQueue<N, 1, Disabled>,
        sample: Sample,
        book: Blocks,
        interface: Interface,
    ) -> Self {
        // The queue is empty, so that the buffer finds room; a sample without any value sends none.
        let _ = queue.send(|buffer| sample.write(buffer, interface));
        Self { queue, last: sample, book, interface }
    }

    /// The queue of a device that is live now, which is told of the first buffer.
    pub(crate) fn enable<T: Transport, D, F>(self, live: &Device<T, D, Live<F>>) -> StatisticsQueue<N> {
        let mut queue = self.queue.enable(live);
        queue.notify();
        StatisticsQueue { queue, last: self.last, book: self.book, interface: self.interface }
    }
}

impl<N: Notifier> StatisticsQueue<N> {
    /// Answers the host if it has asked.
    pub(crate) fn service(&mut self, sample: impl FnOnce(&mut Sample)) -> Result<StatsRequest, DeviceError> {
        if !self.book.is_live() {
            return Err(DeviceError::Resetting);
        }
        if self.queue.pop()?.is_none() {
            return Ok(StatsRequest::NotPending);
        }
        let mut fresh = Sample::default();
        sample(&mut fresh);
        for (tag, value) in fresh.values.into_iter().enumerate() {
            if (fresh.known & self.last.known) >> tag & 1 != 0
                && let Some(slot) = self.last.values.get_mut(tag)
            {
                *slot = value;
            }
        }
        let (last, interface) = (self.last, self.interface);
        // The buffer that has just come back is free again.
        let _ = self.queue.send(|buffer| last.write(buffer, interface));
        self.queue.notify();
        Ok(StatsRequest::Answered)
    }
}

impl<N: Notifier, S> StatisticsQueue<N, S> {
    pub(crate) fn into_queue(self) -> BufferQueue<N, 1, S> {
        self.queue
    }

    pub(crate) fn book(&self) -> Blocks {
        self.book
    }

    pub(crate) fn number(&self) -> u16 {
        self.queue.index()
    }

    /// Whether the queue is of this device, in this life.
    pub(crate) fn is_of<T: Transport, D, F>(&self, device: &Device<T, D, Live<F>>) -> bool {
        self.queue.is_of(device)
    }

    /// Ends the use of the queue, before the device is reset.
    pub(crate) fn silence(&mut self) {
        self.book.close();
        self.queue.poison(DeviceError::Resetting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_knows_what_was_set_and_nothing_else() {
        let mut sample = Sample::default();
        sample.set(StatTag::FreeMemory, 0).set(StatTag::DirectReclaims, u64::MAX).set(StatTag::Unknown(16), 5);
        assert_eq!(sample.get(StatTag::FreeMemory), Some(0));
        assert_eq!(sample.get(StatTag::DirectReclaims), Some(u64::MAX));
        assert_eq!(sample.get(StatTag::TotalMemory), None);
        assert_eq!(sample.get(StatTag::Unknown(16)), None);
        assert_eq!(sample.known.count_ones(), 2);
    }

    #[test]
    fn every_tag_of_the_specification_fits_into_a_sample() {
        let mut sample = Sample::default();
        for tag in StatTag::ALL {
            assert_eq!(sample.set(*tag, 7).get(*tag), Some(7));
        }
        assert_eq!((BYTES, sample.known), (160, u16::MAX));
    }
}
