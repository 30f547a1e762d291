//! The device's own configuration space ("Device Configuration Space", 2.5).

use core::fmt::Debug;
use core::marker::PhantomData;

use aerostat_spec::{Block, Field, Interface, Readable, Wire, Writable};

use crate::io::Io;
use crate::region::Window;
use crate::registers;

/// How often a read is repeated until the generation stays the same.
const ATTEMPTS: u32 = 64;

/// The configuration space of a device, as a transport reaches it. Offset 0 is the first field of the device.
pub trait ConfigIo: Io {
    /// The generation count: it differs before and after a change of the configuration. `None` where there is none, as
    /// on the legacy interface.
    fn generation(&self) -> Option<u32>;
}

/// The configuration space of a device that is driven through the legacy interface, over any bus.
#[derive(Clone, Debug)]
pub struct LegacyConfig<I> {
    space: Window<I>,
}

impl<I: Io> LegacyConfig<I> {
    /// All of `io` from `start` on.
    pub(crate) fn new(io: I, start: usize) -> Self {
        Self { space: Window::rest(io, start) }
    }
}

impl<I: Io> ConfigIo for LegacyConfig<I> {
    fn generation(&self) -> Option<u32> {
        None
    }
}

crate::io::delegate!(LegacyConfig, space);

/// Why a configuration field could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration space ends before the field does.
    #[error("the configuration space has {len} bytes, and `{field}` ends at byte {end}")]
    TooSmall {
        /// The field's name in the description.
        field: &'static str,
        /// Bytes up to the end of the field.
        end: usize,
        /// Bytes of the configuration space.
        len: usize,
    },
    /// The generation count, or the value itself where there is no such count, changed during every attempt to read.
    #[error("`{field}` could not be read: the configuration changed during each of {attempts} attempts")]
    Unstable {
        /// The field's name in the description.
        field: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
}

/// Phase of a configuration space: before DRIVER_OK. Written through [`Device::set`](crate::Device::set).
#[derive(Debug)]
pub struct Setup;

/// Phase of a configuration space: the device is live.
#[derive(Debug)]
pub struct InUse;

/// Typed access to the configuration space `B` of a device.
///
/// It can be cloned and used from several contexts; each read is consistent by itself.
#[derive(Debug)]
pub struct Config<C, B, P> {
    io: C,
    interface: Interface,
    is: PhantomData<fn() -> (B, P)>,
}

impl<C: Clone, B, P> Clone for Config<C, B, P> {
    fn clone(&self) -> Self {
        Self { io: self.io.clone(), interface: self.interface, is: PhantomData }
    }
}

impl<C: ConfigIo, B: Block, P> Config<C, B, P> {
    pub(crate) fn new(io: C, interface: Interface) -> Self {
        Self { io, interface, is: PhantomData }
    }

    /// Reads a field, between two reads of the generation count that agree. Without a generation count, a field that takes
    /// more than one access is read until two values in a row agree ("Legacy Interface: Device Configuration Space", 2.5.4).
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] where the device's configuration space ends before the field,
    /// [`ConfigError::Unstable`] where the configuration never stays the same.
    pub fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, ConfigError> {
        self.check(field)?;
        let (mut before, mut last) = (self.io.generation(), None);
        for _ in 0..ATTEMPTS {
            let value = registers::read(&self.io, field, self.interface);
            let after = self.io.generation();
            let is_whole = match after {
                Some(_) => before == after,
                None => F::Wire::WIDTH <= size_of::<u32>() || last == Some(value),
            };
            if is_whole {
                return Ok(value);
            }
            (before, last) = (after, Some(value));
        }
        Err(ConfigError::Unstable { field: F::NAME, attempts: ATTEMPTS })
    }

    fn check<F: Field>(&self, field: F) -> Result<(), ConfigError> {
        if registers::fits(&self.io, field) {
            return Ok(());
        }
        let end = field.offset().saturating_add(F::Wire::WIDTH);
        Err(ConfigError::TooSmall { field: F::NAME, end, len: self.io.len() })
    }

    pub(crate) fn store<F: Field>(&self, field: F, value: <F::Wire as Wire>::Value) -> Result<(), ConfigError> {
        self.check(field)?;
        registers::write(&self.io, field, value, self.interface);
        Ok(())
    }
}

impl<C: ConfigIo, B: Block> Config<C, B, InUse> {
    /// Writes a field that may be written while the device is live.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] where the device's configuration space ends before the field.
    pub fn write<F: Writable<Block = B>>(&self, field: F, value: <F::Wire as Wire>::Value) -> Result<(), ConfigError> {
        self.store(field, value)
    }
}
