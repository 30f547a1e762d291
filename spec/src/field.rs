//! Fields of a register block or of a device's configuration space, as types.
//!
//! A field is a zero-sized value that says where it is, how wide it is and what may be done to it. A field that depends
//! on a feature can be made only from the proof that the feature was negotiated ([`Negotiated`](crate::Negotiated)), so
//! holding the value is the permission to use it.

use core::fmt::Debug;

/// The traits that generated code implements.
///
/// Each public trait of the same name has one implementation, for all types that implement its twin here, and rustc does
/// not recommend it. So an error message ends with the note of the trait instead of a list of the fields of other devices.
/// `diagnostic::do_not_recommend` cannot be put on generated implementations: it does not resolve in crates without a
/// prelude.
pub(crate) mod described {
    /// The description says `read`.
    pub trait Readable: super::Field {}

    /// The description says `write`.
    pub trait Writable: super::Field {}

    /// The description says `setup` or `write`.
    pub trait Settable: super::Field {}
}

/// A field of a block of registers.
pub trait Field: Copy + Debug {
    /// The block it belongs to: fields of one block cannot be used on another.
    type Block: Block;
    /// How the value is stored.
    type Wire: Wire;
    /// Where it starts, in bytes from the start of the block.
    const OFFSET: usize;
    /// Its name in the description.
    const NAME: &'static str;

    /// Where this value of the field starts, in bytes. Differs from [`Field::OFFSET`] for elements of an array only.
    fn offset(self) -> usize {
        Self::OFFSET
    }
}

/// A block of registers: the MMIO register layout, a PCI structure, or the configuration space of a device.
pub trait Block {
    /// Bytes from the start of the block to the end of its last field.
    const LEN: usize;
    /// Its name in the description.
    const NAME: &'static str;
}

/// A field that the driver may read.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be read",
    label = "write-only to the driver",
    note = "the specification gives the driver no read access to this field",
    note = "if it depends on a feature, it is made by `given(proof)`, where the proof comes from `accepted().proof(…)`"
)]
pub trait Readable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Readable> Readable for F {}

/// A field that the driver may write at any time.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be written here",
    label = "not writable to a driver at this point",
    note = "the field is read-only to the driver, or may be written only before the device is live",
    note = "if it depends on a feature, it is made by `given(proof)`, where the proof comes from `accepted().proof(…)`"
)]
pub trait Writable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Writable> Writable for F {}

/// A field that the driver may write while it sets the device up, before DRIVER_OK.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be written",
    label = "read-only to the driver",
    note = "the specification gives the driver no write access to this field",
    note = "if it depends on a feature, it is made by `given(proof)`, where the proof comes from `accepted().proof(…)`"
)]
pub trait Settable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Settable> Settable for F {}

/// Which of the two interfaces of the specification a device is driven through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// VIRTIO 1.0 and later: little-endian throughout.
    Modern,
    /// Before 1.0: many fields are in the byte order of the guest.
    Legacy,
}

/// The width and byte order in which a value is stored.
pub trait Wire: Debug {
    /// The value: `u8`, `u16`, `u32` or `u64`.
    type Value: Copy + Debug + Eq + Into<u64>;
    /// Its width in bytes: 1, 2, 4 or 8.
    const WIDTH: usize;

    /// The value, from one that was decoded as little-endian. Bits above the width are ignored.
    fn from_little_endian(raw: u64, interface: Interface) -> Self::Value;

    /// What to encode as little-endian in order to store the value.
    fn to_little_endian(value: Self::Value, interface: Interface) -> u64;
}

/// Stored little-endian on both interfaces (`le16`, `le32`, `le64`; also `u8`).
#[derive(Debug)]
pub struct Le<T>(core::marker::PhantomData<T>);

/// Stored little-endian on the modern interface and in the guest's byte order on the legacy one (`virtio16`, …).
#[derive(Debug)]
pub struct Native<T>(core::marker::PhantomData<T>);

macro_rules! wire {
    ($($int:ty),*) => {$(
        impl Wire for Le<$int> {
            type Value = $int;
            const WIDTH: usize = size_of::<$int>();

            fn from_little_endian(raw: u64, _interface: Interface) -> $int {
                // Keeping the low bytes is what "bits above the width are ignored" means.
                raw as $int
            }

            fn to_little_endian(value: $int, _interface: Interface) -> u64 {
                value.into()
            }
        }

        impl Wire for Native<$int> {
            type Value = $int;
            const WIDTH: usize = size_of::<$int>();

            fn from_little_endian(raw: u64, interface: Interface) -> $int {
                match interface {
                    Interface::Modern => raw as $int,
                    Interface::Legacy => <$int>::from_ne_bytes((raw as $int).to_le_bytes()),
                }
            }

            fn to_little_endian(value: $int, interface: Interface) -> u64 {
                match interface {
                    Interface::Modern => value.into(),
                    Interface::Legacy => <$int>::from_le_bytes(value.to_ne_bytes()).into(),
                }
            }
        }
    )*};
}

wire!(u8, u16, u32, u64);
