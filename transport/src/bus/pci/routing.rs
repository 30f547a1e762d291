//! The kind of interrupts that a device uses.

use pci_types::ConfigRegionAccess;

use crate::bus::pci::error::PciError;
use crate::bus::pci::function::PciFunction;
use crate::bus::pci::msix::{self, QueueVectors, Vector};

/// The kind of interrupts that a device uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// INTx. The ISR status reports the causes.
    Line,
    /// MSI-X messages. Several causes may share a vector.
    Messages {
        /// The vector for configuration changes.
        configuration: Vector,
        /// The vectors for used buffers.
        queues: QueueVectors,
    },
}

impl Routing {
    /// Checks that the vectors belong to this function.
    pub(super) fn check<C: ConfigRegionAccess>(self, function: &PciFunction<C>) -> Result<(), PciError> {
        let Self::Messages { configuration, queues } = self else { return Ok(()) };
        let of_another = [configuration.function(), queues.function()].into_iter().find(|of| *of != function.address());
        of_another.map_or(Ok(()), |other| Err(PciError::OtherFunction { function: function.address(), other }))
    }

    /// Enables a function for this kind of interrupts.
    pub(super) fn enable<C: ConfigRegionAccess>(self, function: &PciFunction<C>) {
        function.enable();
        if self == Self::Line {
            msix::disable(function);
        }
    }

    /// Returns the vector for configuration changes, if messages are used.
    pub(super) const fn configuration(self) -> Option<u16> {
        match self {
            Self::Line => None,
            Self::Messages { configuration, .. } => Some(configuration.get()),
        }
    }

    /// Returns the vector for a queue, if messages are used.
    pub(super) const fn queue(self, queue: u16) -> Option<u16> {
        match self {
            Self::Line => None,
            Self::Messages { queues, .. } => Some(queues.of(queue)),
        }
    }
}
