//! Typed access to the device's configuration space ("Device Configuration Space", 2.5).

use core::marker::PhantomData;

use aerostat_spec::{Block, Field, FieldReader, Interface, Readable, Wire, Writable};

use crate::bus::{ConfigError, ConfigIo, Status};
use crate::io::registers;
use crate::queue::DeviceError;

/// Attempts to read a field consistently.
const ATTEMPTS: u32 = 64;

/// Phase of a configuration space: before DRIVER_OK. [`Device::set`](crate::Device::set) writes fields.
#[derive(Debug)]
pub struct Setup;

/// Phase of a configuration space: the device is live.
#[derive(Debug)]
pub struct InUse;

/// The configuration space `B` of a device, in the phase `P`.
///
/// Clones access the same space and can be used in other contexts. Each read of a field is consistent.
#[derive(Debug)]
pub struct Config<C, B, P> {
    io: C,
    interface: Interface,
    types: PhantomData<fn() -> (B, P)>,
}

impl<C: Clone, B, P> Clone for Config<C, B, P> {
    fn clone(&self) -> Self {
        Self { io: self.io.clone(), interface: self.interface, types: PhantomData }
    }
}

impl<C: ConfigIo, B: Block, P> Config<C, B, P> {
    pub(crate) fn new(io: C, interface: Interface) -> Self {
        Self { io, interface, types: PhantomData }
    }

    /// Reads a field. The generation count must be the same before and after. Without a generation count, a field that takes more
    /// than one access is read until two consecutive values agree ("Legacy Interface: Device Configuration Space", 2.5.4).
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] if the configuration space ends before the field, [`ConfigError::Unstable`] if the
    /// configuration changed during each attempt.
    pub fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, ConfigError> {
        self.fits(field)?;
        let (mut before, mut last) = (self.io.generation(), None);
        for _ in 0..ATTEMPTS {
            let value = registers::read(&self.io, field, self.interface);
            let after = self.io.generation();
            let is_consistent = match after {
                Some(_) => before == after,
                None => F::Wire::WIDTH <= size_of::<u32>() || last == Some(value),
            };
            if is_consistent {
                return Ok(value);
            }
            (before, last) = (after, Some(value));
        }
        Err(ConfigError::Unstable { field: F::NAME, attempts: ATTEMPTS })
    }

    /// Reads several fields of one and the same configuration. `read` is called again if the configuration changed meanwhile, at
    /// most 64 times. Without a generation count, it is called until two consecutive results agree.
    ///
    /// # Errors
    ///
    /// The error of `read`, or [`ConfigError::Unstable`] if the configuration changed during each attempt.
    pub fn snapshot<R: PartialEq>(
        &self,
        mut read: impl FnMut(&Snapshot<'_, C, B, P>) -> Result<R, ConfigError>,
    ) -> Result<R, ConfigError> {
        let (mut before, mut last) = (self.io.generation(), None);
        for _ in 0..ATTEMPTS {
            let result = read(&Snapshot { config: self })?;
            let after = self.io.generation();
            let is_consistent = match after {
                Some(_) => before == after,
                None => last.as_ref() == Some(&result),
            };
            if is_consistent {
                return Ok(result);
            }
            (before, last) = (after, Some(result));
        }
        Err(ConfigError::Unstable { field: B::NAME, attempts: ATTEMPTS })
    }

    fn fits<F: Field>(&self, field: F) -> Result<(), ConfigError> {
        if registers::fits(&self.io, field) {
            return Ok(());
        }
        let end = field.offset().saturating_add(F::Wire::WIDTH);
        Err(ConfigError::TooSmall { field: F::NAME, end, len: self.io.len() })
    }

    pub(crate) fn store<F: Field>(&self, field: F, value: <F::Wire as Wire>::Value) -> Result<(), ConfigError> {
        self.fits(field)?;
        registers::write(&self.io, field, value, self.interface);
        Ok(())
    }
}

/// Access to the fields during [`Config::snapshot`].
#[derive(Debug)]
pub struct Snapshot<'a, C, B, P> {
    config: &'a Config<C, B, P>,
}

impl<C: ConfigIo, B: Block, P> Snapshot<'_, C, B, P> {
    /// Reads a field once.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] if the configuration space ends before the field.
    pub fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, ConfigError> {
        self.config.fits(field)?;
        Ok(registers::read(&self.config.io, field, self.config.interface))
    }

    /// Reads the elements of an array, for instance those that `all()` of the field returns.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] if the configuration space ends before one of them.
    pub fn elements<F: Readable<Block = B>, const N: usize>(
        &self,
        elements: [F; N],
    ) -> Result<[<F::Wire as Wire>::Value; N], ConfigError> {
        elements.iter().try_for_each(|element| self.config.fits(*element))?;
        Ok(elements.map(|element| registers::read(&self.config.io, element, self.config.interface)))
    }
}

impl<C: ConfigIo, B: Block, P> FieldReader<B> for Snapshot<'_, C, B, P> {
    type Error = ConfigError;

    fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, ConfigError> {
        Snapshot::read(self, field)
    }

    fn elements<F: Readable<Block = B>, const N: usize>(
        &self,
        elements: [F; N],
    ) -> Result<[<F::Wire as Wire>::Value; N], ConfigError> {
        Snapshot::elements(self, elements)
    }
}

impl<C: ConfigIo, B: Block> Config<C, B, InUse> {
    /// Reads the status, and checks that the device works, like [`Device::check`](crate::Device::check).
    ///
    /// # Errors
    ///
    /// [`DeviceError::NeedsReset`], [`DeviceError::HostReset`], [`DeviceError::Gone`].
    pub fn check(&self) -> Result<(), DeviceError> {
        check_status(self.io.status())
    }

    /// Writes a field that is writable while the device is live.
    ///
    /// # Errors
    ///
    /// [`ConfigError::TooSmall`] if the configuration space ends before the field.
    pub fn write<F: Writable<Block = B>>(&self, field: F, value: <F::Wire as Wire>::Value) -> Result<(), ConfigError> {
        self.store(field, value)
    }
}

/// Checks the status of a live device.
pub(super) fn check_status(status: Status) -> Result<(), DeviceError> {
    if status.is_gone() {
        Err(DeviceError::Gone)
    } else if status.contains(Status::NEEDS_RESET) || status.contains(Status::FAILED) {
        // The driver does not set FAILED on a live device. Some devices set it instead of NEEDS_RESET.
        Err(DeviceError::NeedsReset)
    } else if !status.contains(Status::DRIVER_OK) {
        Err(DeviceError::HostReset)
    } else {
        Ok(())
    }
}
