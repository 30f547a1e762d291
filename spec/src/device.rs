//! Device types and their queues.

use core::num::NonZeroU16;

use crate::direction::Direction;
use crate::feature::FeatureTable;
use crate::field::Block;

/// A device type.
pub trait Device: 'static {
    /// The virtio device id ("Device Types", 5).
    const ID: DeviceId;
    /// The name in the description.
    const NAME: &'static str;
    /// The queues with a fixed index, in the order of their indexes.
    const QUEUES: &'static [QueueSpec];
    /// The queues whose index is known only at run time, in the order of their lowest indexes. The macros set it if the description
    /// has such queues, for instance `request = 2..`. Without them it is empty.
    const COMPUTED_QUEUES: &'static [ComputedQueues] = &[];
    /// The configuration space.
    type Config: Block;
    /// The features of this device type.
    #[doc(hidden)]
    type Features: FeatureTable;
}

/// A virtio device id, for instance 5 for the memory balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

impl core::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// The description of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The name in the description.
    pub name: &'static str,
    /// The index in the specification.
    pub index: u16,
    /// Mask of the feature that the queue depends on, or 0 if it always exists.
    pub needs: u64,
}

/// The description of queues whose index is known only at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComputedQueues {
    /// The description with the lowest index.
    pub spec: QueueSpec,
    /// The distance of two indexes. `None` for a single queue, whose index depends on the configuration.
    pub step: Option<NonZeroU16>,
}

impl ComputedQueues {
    /// Returns how many of the queues have an index below this one. A single queue is not counted, because its index is behind the
    /// queues that the configuration counts.
    pub const fn count_below(&self, index: u16) -> u16 {
        match self.step {
            Some(step) if index > self.spec.index => (index - self.spec.index - 1) / step.get() + 1,
            _ => 0,
        }
    }

    /// Returns the highest index that a queue can have.
    pub const fn highest_index(&self) -> u16 {
        match self.step {
            Some(step) => u16::MAX - (u16::MAX - self.spec.index) % step.get(),
            None => u16::MAX,
        }
    }
}

/// A queue of a device, as a type. A queue that depends on a feature can be made only from the proof that the feature was
/// negotiated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a queue",
    label = "not a queue",
    note = "use a queue from the `queue` module of a device",
    note = "if the queue depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof"
)]
pub trait Queue: Copy + core::fmt::Debug {
    /// The device that has the queue.
    type Device: Device;
    /// Which side writes the buffers of the queue.
    type Buffers: Direction;
    /// The description of the queue. If its index is known only at run time, the description has the lowest index.
    const SPEC: QueueSpec;

    /// Returns the description with the index of this queue.
    fn spec(self) -> QueueSpec {
        Self::SPEC
    }
}

/// A shared memory region of a device ("Shared Memory Regions", 2.10), as a type. A region that depends on a feature can be made
/// only from the proof that the feature was negotiated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shared memory region",
    label = "not a shared memory region",
    note = "use a region from the `shared_memory` module of a device"
)]
pub trait SharedMemoryRegion: Copy + core::fmt::Debug {
    /// The device that has the region.
    type Device: Device;
    /// The id, which selects the region on a transport (`shmid`).
    const ID: u8;
    /// The name in the description.
    const NAME: &'static str;
}

/// Returns the index `scale * n + offset` if `n` is in the range and the index fits.
pub const fn queue_index(scale: u16, offset: u16, n: u64, from: u64, below: Option<u64>) -> Option<u16> {
    if n < from || n > u16::MAX as u64 {
        return None;
    }
    if let Some(below) = below
        && n >= below
    {
        return None;
    }
    // Three numbers of 16 bits: the result has at most 33 bits.
    let index = scale as u64 * n + offset as u64;
    if index > u16::MAX as u64 { None } else { Some(index as u16) }
}
