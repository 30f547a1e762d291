//! What is known of a device type from its description.

use crate::feature::FeatureTable;
use crate::field::Block;

/// A device type, as described.
pub trait Device: 'static {
    /// The virtio device id ("Device Types", 5).
    const ID: DeviceId;
    /// The name in the description.
    const NAME: &'static str;
    /// The queues in order of their numbers. Empty for a device whose queues are not described.
    const QUEUES: &'static [QueueSpec];
    /// The device's own configuration space.
    type Config: Block;
    /// The device's own features.
    #[doc(hidden)]
    type Features: FeatureTable;
}

/// A virtio device id: 5 is the memory balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

impl core::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A queue of a device, as described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The name in the description.
    pub name: &'static str,
    /// The number that the specification gives the queue.
    pub index: u16,
    /// The feature that the queue exists with, as a mask; 0 for a queue that always exists.
    pub needs: u64,
}

/// A queue of a device, as a type. A queue that depends on a feature can be made only from the proof that the feature
/// was negotiated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no queue of a device",
    label = "not a queue",
    note = "use a queue from the module `queue` of the device",
    note = "if it depends on a feature, it is made by `given(proof)`, where the proof comes from `accepted().proof(…)`"
)]
pub trait Queue: Copy + core::fmt::Debug {
    /// The device it belongs to.
    type Device: Device;
    /// Its description.
    const SPEC: QueueSpec;
}
