//! How a device is to interrupt.

use crate::pci::{QueueVectors, Vector};

/// How a device is to interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By its interrupt line; the ISR status says what it was about.
    Line,
    /// By messages. The vectors may be the same.
    Messages {
        /// The message for changes of the configuration.
        configuration: Vector,
        /// The messages for used buffers.
        queues: QueueVectors,
    },
}

impl Routing {
    /// The vector for the configuration, where messages are sent.
    pub(crate) const fn configuration(self) -> Option<u16> {
        match self {
            Self::Line => None,
            Self::Messages { configuration, .. } => Some(configuration.get()),
        }
    }

    /// The vector for a queue, where messages are sent.
    pub(crate) const fn queue(self, queue: u16) -> Option<u16> {
        match self {
            Self::Line => None,
            Self::Messages { queues, .. } => Some(queues.of(queue)),
        }
    }
}
