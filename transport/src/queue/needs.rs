//! What a driver needs of a queue.

use aerostat_spec::direction::{Both, Direction};

use crate::queue::raw::Directions;

/// What a driver needs of a queue. A number converts to a number of descriptors.
///
/// ```
/// use aerostat_transport::queue::QueueNeeds;
///
/// // At least 4 descriptors. With INDIRECT_DESC, a buffer of up to 16 elements takes one descriptor.
/// let needs = QueueNeeds::least(4).indirect(16);
/// assert_eq!(QueueNeeds::from(4), QueueNeeds::least(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueNeeds {
    pub(crate) descriptors: u16,
    pub(crate) table_entries: u16,
    /// Those of the queue in the description, which [`Device::queue`](crate::Device::queue) sets.
    pub(crate) directions: Directions,
}

impl QueueNeeds {
    /// Requires at least this many descriptors.
    pub const fn least(descriptors: u16) -> Self {
        Self { descriptors, table_entries: 0, directions: Directions::of::<Both>() }
    }

    /// Uses indirect tables if INDIRECT_DESC is negotiated: a buffer of 2 to `elements` elements then takes one descriptor.
    /// Each descriptor gets a table of its own, of 16 bytes an element. Without the feature, each element takes a descriptor.
    pub const fn indirect(self, elements: u16) -> Self {
        Self { table_entries: elements, ..self }
    }

    /// Allows only these buffers.
    pub(crate) const fn within<B: Direction>(self) -> Self {
        Self { directions: Directions::of::<B>(), ..self }
    }
}

impl From<u16> for QueueNeeds {
    fn from(descriptors: u16) -> Self {
        Self::least(descriptors)
    }
}
