//! Device types and their queues.

use crate::feature::FeatureTable;
use crate::field::Block;

/// A device type.
pub trait Device: 'static {
    /// The virtio device id ("Device Types", 5).
    const ID: DeviceId;
    /// The name in the description.
    const NAME: &'static str;
    /// The queues in the description, in the order of their indexes.
    const QUEUES: &'static [QueueSpec];
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
    /// The description of the queue.
    const SPEC: QueueSpec;
}
