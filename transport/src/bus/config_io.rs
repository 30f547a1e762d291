//! Access to a configuration space.

use core::fmt::Debug;

use crate::io::{Io, Window, delegate};

/// The registers of a configuration space. Offset 0 is the first field of the device.
pub trait ConfigIo: Io {
    /// Returns the generation count, which changes with each change of the configuration. `None` on the legacy interface, which
    /// does not have one.
    fn generation(&self) -> Option<u32>;
}

/// The configuration space of the legacy interface, over any bus.
#[derive(Clone, Debug)]
pub struct LegacyConfig<I> {
    space: Window<I>,
}

impl<I: Io> LegacyConfig<I> {
    /// Returns the configuration space in `io` from `start`.
    pub(crate) fn new(io: I, start: usize) -> Self {
        Self { space: Window::rest(io, start) }
    }
}

impl<I: Io> ConfigIo for LegacyConfig<I> {
    fn generation(&self) -> Option<u32> {
        None
    }
}

delegate!(LegacyConfig, space);
