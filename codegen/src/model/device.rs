//! Device types: features, queues and shared memory regions.

use super::block::Block;
use super::condition::{Condition, FIRST_HIGH_BIT};
use super::numbers::Int;
use crate::name::{CNames, Name};
use crate::syntax::Docs;

/// A device type.
#[derive(Clone, Debug)]
pub struct Device {
    /// The virtio device id.
    pub id: u32,
    /// The features, in the order of their bits.
    pub features: Vec<Feature>,
    /// The queues, in the order of their indexes.
    pub queues: Vec<Queue>,
    /// The configuration space.
    pub config: Block,
    /// The shared memory regions, in the order of their ids.
    pub shared_memory: Vec<SharedMemory>,
}

/// A feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The number of its bit.
    pub bit: u32,
    /// Mask of the features that this one requires.
    pub requires: u128,
    /// Masks of features. This feature requires at least one feature of each mask.
    pub requires_any: Vec<u128>,
    /// The name in the specification.
    pub c_name: String,
    /// Further names in C.
    pub alias: CNames,
}

/// A shared memory region.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The id.
    pub id: u8,
    /// The feature that the region depends on.
    pub condition: Option<Condition>,
    /// The names in C.
    pub alias: CNames,
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The index. If it is known only at run time, the lowest one.
    pub index: u16,
    /// How the index is computed at run time.
    pub computed: Option<ComputedIndex>,
    /// Which side writes the buffers, if the description says it: the device reads them (`false`) or writes them (`true`).
    pub writable: Option<bool>,
    /// The feature that the queue depends on.
    pub condition: Option<Condition>,
    /// The names in C.
    pub alias: CNames,
}

/// The index of a queue that is known only at run time: `scale * n + offset`.
#[derive(Clone, Debug)]
pub struct ComputedIndex {
    /// The distance of two queues.
    pub scale: u16,
    /// The index for `n` 0.
    pub offset: u16,
    /// What `n` is.
    pub n: IndexVariable,
}

/// The variable part of a [`ComputedIndex`].
#[derive(Clone, Debug)]
pub enum IndexVariable {
    /// The number of one of several queues.
    Queue {
        /// The number of the first queue.
        from: u16,
        /// The field of the configuration space that all numbers are below, and its type.
        below: Option<(Name, Int)>,
    },
    /// The value of a field of the configuration space, and its type.
    Field(Name, Int),
}

impl Feature {
    /// Returns whether the bit is above 63.
    pub const fn is_high(&self) -> bool {
        self.bit >= FIRST_HIGH_BIT
    }
}
