//! Access to a configuration space.

use core::fmt::Debug;

use crate::bus::status::Status;
use crate::io::{Io, Window, delegate};

/// The registers of a configuration space. Offset 0 is the first field of the device.
pub trait ConfigIo: Io {
    /// Returns the generation count, which changes with each change of the configuration. `None` on the legacy interface, which
    /// does not have one.
    fn generation(&self) -> Option<u32>;

    /// Returns the device status, so that a context with only the configuration space notices that the device was reset or is
    /// gone.
    fn status(&self) -> Status;
}

/// The configuration space of the legacy interface, over any bus.
#[derive(Clone, Debug)]
pub struct LegacyConfig<I> {
    space: Window<I>,
    status: fn(&I) -> Status,
}

impl<I: Io> LegacyConfig<I> {
    /// Returns the configuration space in `io` from `start`. `status` reads the device status from `io`.
    #[cfg(feature = "legacy")]
    pub(crate) fn new(io: I, start: usize, status: fn(&I) -> Status) -> Self {
        Self { space: Window::rest(io, start), status }
    }
}

impl<I: Io> ConfigIo for LegacyConfig<I> {
    fn generation(&self) -> Option<u32> {
        None
    }

    fn status(&self) -> Status {
        (self.status)(self.space.whole())
    }
}

delegate!(LegacyConfig, space);
