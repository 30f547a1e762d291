//! The statistics queue ("Memory Statistics", 5.5.6.3). It has at most one buffer.

use aerostat_spec::balloon::{self, Stat, queue};
use aerostat_spec::direction::DeviceReads;
use aerostat_spec::{FeatureSet, Interface, Negotiated, Stored};
use aerostat_transport::queue::{Disabled, Writer};
use aerostat_transport::{BufferQueue, ConfigIo, Device, Dma, FeaturesOk, LiveProof, Notifier, QueueError, Transport};
use zerocopy::{ByteOrder, IntoBytes, LittleEndian, NativeEndian};

use super::live_flag::LiveFlag;
use super::slot::Slot;
use super::step::{LiveConfig, check};
use crate::error::BalloonError;
use crate::features::feature::StatsVq;
use crate::platform::{Sample, TAGS};

/// Bytes of a buffer that has room for every tag.
const BUFFER_BYTES: usize = TAGS * size_of::<Stat>();
/// The queue needs one descriptor.
const MIN_DESCRIPTORS: u16 = 1;

/// Whether the host had requested statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsRequest {
    /// The host had requested statistics, and the driver has answered.
    Answered,
    /// The host has not requested statistics since the last answer.
    NotPending,
}

/// The statistics queue.
#[derive(Debug)]
pub(crate) struct StatisticsQueue<N, C> {
    pub(crate) slot: Slot<BufferQueue<N, 1, Disabled, DeviceReads>>,
    /// The configuration space of the live device.
    config: Option<LiveConfig<C>>,
    /// Number of buffers that the device has returned since the start of the driver. Wraps.
    pub(crate) returned: u32,
    /// Whether the host has requested statistics that were not sent.
    is_requested: bool,
    /// The values that were sent last. Their tags are the set that is sent.
    last: Sample,
    interface: Interface,
}

impl<N: Notifier, C: ConfigIo> StatisticsQueue<N, C> {
    /// Creates a queue that is not set up.
    pub(crate) fn new() -> Self {
        Self {
            slot: Slot::new(),
            config: None,
            returned: 0,
            is_requested: false,
            last: Sample::default(),
            interface: Interface::Modern,
        }
    }

    /// Sets the queue up and sends the first buffer, before the device is live: the host returns it to request statistics. The
    /// `sample` decides which statistics are sent.
    #[inline(never)]
    pub(crate) fn set_up<T: Transport<Notifier = N>, F: FeatureSet>(
        &mut self,
        proof: Negotiated<StatsVq>,
        device: &mut Device<T, balloon::Device, FeaturesOk<F>>,
        dma: &mut impl Dma,
        sample: Sample,
    ) -> Result<(), QueueError> {
        let queue = queue::Stats::given(proof);
        let queue = self.slot.fill(device.buffer_queue(queue, MIN_DESCRIPTORS, BUFFER_BYTES, dma))?;
        (self.last, self.interface, self.is_requested) = (sample, device.interface(), false);
        // The queue is new and has a free buffer.
        let _ = queue.send(|buffer| write(&self.last, buffer, self.interface));
        Ok(())
    }

    /// Starts the use of the queue, because its device is live now, and notifies the device of the first buffer.
    pub(crate) fn enable(&mut self, live: LiveProof, config: LiveConfig<C>) {
        self.slot.enable(live);
        self.config = Some(config);
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live(live);
        }
    }

    /// Checks that the balloon has not reset the device, and that the device works.
    pub(crate) fn check(&self, live: &LiveFlag) -> Result<(), BalloonError> {
        check(live, self.config.as_ref())
    }

    /// Notifies the device again of the buffers that it has.
    pub(crate) fn notify_again(&mut self) {
        if let Ok((queue, live)) = self.slot.live() {
            queue.notify_live_again(live);
        }
    }

    /// Answers the host if it has requested statistics.
    pub(crate) fn service(
        &mut self,
        live: &LiveFlag,
        sample: impl FnOnce(&mut Sample),
    ) -> Result<StatsRequest, BalloonError> {
        let result = self.answer(live, sample);
        self.slot.log("statistics: ", &result);
        result
    }

    fn answer(&mut self, live: &LiveFlag, sample: impl FnOnce(&mut Sample)) -> Result<StatsRequest, BalloonError> {
        self.check(live)?;
        let (queue, live_proof) = self.slot.live()?;
        // If the kernel panics in `sample`, the next call answers.
        if queue.pop()?.is_some() {
            self.is_requested = true;
            self.returned = self.returned.wrapping_add(1);
        }
        if !self.is_requested {
            return Ok(StatsRequest::NotPending);
        }
        let mut newer = Sample::default();
        sample(&mut newer);
        self.last.update(&newer);
        let (last, interface) = (&self.last, self.interface);
        self.is_requested = false;
        // The buffer that has come back is free.
        let _ = queue.send(|buffer| write(last, buffer, interface));
        queue.notify_live(live_proof);
        Ok(StatsRequest::Answered)
    }
}

/// Writes an entry for each value, in the byte order of the interface.
// conformance: deviation balloon.stats.6: an entry has 10 bytes, so the length is a multiple of 10: an erratum of the
// specification
fn write(sample: &Sample, buffer: &mut Writer<'_>, interface: Interface) {
    for (tag, value) in sample.entries() {
        match interface {
            Interface::Modern => buffer.bytes(entry::<LittleEndian>(tag, value).as_bytes()),
            Interface::Legacy => buffer.bytes(entry::<NativeEndian>(tag, value).as_bytes()),
        };
    }
}

/// Returns an entry with a raw tag. A detour through [`StatTag`](aerostat_spec::balloon::StatTag) would be code for each tag.
fn entry<O: ByteOrder>(tag: u16, value: u64) -> Stat<O> {
    Stat { tag: Stored::from_stored(tag.into()), val: value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_room_for_every_tag_of_the_specification_and_for_four_others() {
        assert_eq!(BUFFER_BYTES, 200);
    }
}
