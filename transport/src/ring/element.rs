//! Elements of buffers, and interrupt suppression.

use crate::dma::DeviceAddress;

/// The side that writes to an element of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The device only reads the element.
    DeviceReads,
    /// The device only writes the element.
    DeviceWrites,
}

/// A contiguous part of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its address for the device.
    pub address: DeviceAddress,
    /// Its length in bytes.
    pub len: u32,
    /// Whether the device reads or writes it.
    pub access: Access,
}

/// Whether the device interrupts when it has used a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// The device interrupts.
    Enabled,
    /// The device need not interrupt. It may still do so.
    Disabled,
}
