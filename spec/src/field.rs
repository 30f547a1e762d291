//! Fields of register blocks and configuration spaces.
//!
//! A field is a type whose traits give its offset, width and access. A field that depends on a feature can be made only from
//! the proof that the feature was negotiated ([`Negotiated`](crate::Negotiated)).

use core::fmt::Debug;

use crate::stored::Represented;

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

/// A field of a block.
pub trait Field: Copy + Debug {
    /// The block that has the field. The field cannot be used with another block.
    type Block: Block;
    /// The stored form of the value.
    type Wire: Wire;
    /// The offset in the block, in bytes.
    const OFFSET: usize;
    /// The name in the description.
    const NAME: &'static str;

    /// Returns the offset of this value in bytes. It differs from [`Field::OFFSET`] only for array elements.
    fn offset(self) -> usize {
        Self::OFFSET
    }
}

/// A block of registers: MMIO registers, a PCI structure, or the configuration space of a device.
pub trait Block {
    /// The size in bytes: the end of the last field.
    const LEN: usize;
    /// The name in the description.
    const NAME: &'static str;
}

/// A field that the driver can read.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be read",
    label = "this field is write-only",
    note = "the specification does not allow a driver to read this field",
    note = "if the field depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof"
)]
pub trait Readable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Readable> Readable for F {}

/// A field that the driver can write at any time.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be written here",
    label = "this field is not writable here",
    note = "the field is read-only, or it is writable only before the device is live",
    note = "if the field depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof"
)]
pub trait Writable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Writable> Writable for F {}

/// A field that the driver can write during device setup, before DRIVER_OK.
#[diagnostic::on_unimplemented(
    message = "the field `{Self}` cannot be written",
    label = "this field is read-only",
    note = "the specification does not allow a driver to write this field",
    note = "if the field depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof"
)]
pub trait Settable: Field {}

#[diagnostic::do_not_recommend]
impl<F: described::Settable> Settable for F {}

/// A reader of the fields of a block. If the block is a configuration space, all values belong to one configuration.
///
/// Generated code uses it to read values that consist of several fields, for instance the entry of a union.
pub trait FieldReader<B: Block> {
    /// The error if a field cannot be read.
    type Error;

    /// Reads a field.
    ///
    /// # Errors
    ///
    /// The field cannot be read.
    fn read<F: Readable<Block = B>>(&self, field: F) -> Result<<F::Wire as Wire>::Value, Self::Error>;

    /// Reads the elements of an array.
    ///
    /// # Errors
    ///
    /// An element cannot be read.
    #[allow(clippy::type_complexity, reason = "the type of a field's value")]
    fn elements<F: Readable<Block = B>, const N: usize>(
        &self,
        elements: [F; N],
    ) -> Result<[<F::Wire as Wire>::Value; N], Self::Error>;
}

/// The interface of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interface {
    /// VIRTIO 1.0 and later. All fields are little-endian.
    Modern,
    /// Before VIRTIO 1.0. Many fields are guest-endian.
    Legacy,
}

/// The stored form of a value: its width and byte order.
// conformance: construct pci.access.5: every transport reads and writes configuration fields through this conversion;
// its byte order is tested over MMIO
pub trait Wire: Debug {
    /// The type of the value: `u8`, `u16`, `u32` or `u64`.
    type Value: Copy + Debug + Eq + Into<u64>;
    /// The width in bytes: 1, 2, 4 or 8.
    const WIDTH: usize;

    /// Converts a value that was read as little-endian. Bits above the width are ignored.
    fn from_little_endian(raw: u64, interface: Interface) -> Self::Value;

    /// Converts the value for a write as little-endian.
    fn to_little_endian(value: Self::Value, interface: Interface) -> u64;
}

/// Little-endian on both interfaces (`le16`, `le32`, `le64`; also `u8`).
#[derive(Debug)]
pub struct Le<T>(core::marker::PhantomData<T>);

/// Little-endian on the modern interface, guest-endian on the legacy interface (`virtio16`, …).
#[derive(Debug)]
pub struct Native<T>(core::marker::PhantomData<T>);

/// Big-endian on both interfaces (`be16`, `be32`, `be64`).
#[derive(Debug)]
pub struct Be<T>(core::marker::PhantomData<T>);

/// The enum or bit field `T`, stored as `W`.
#[derive(Debug)]
pub struct As<T, W>(core::marker::PhantomData<(T, W)>);

impl<T: Represented, W: Wire<Value = T::Repr>> Wire for As<T, W> {
    type Value = T;
    const WIDTH: usize = W::WIDTH;

    fn from_little_endian(raw: u64, interface: Interface) -> T {
        T::from(W::from_little_endian(raw, interface))
    }

    fn to_little_endian(value: T, interface: Interface) -> u64 {
        W::to_little_endian(T::Repr::from(value), interface)
    }
}

macro_rules! wire {
    ($($int:ty),*) => {$(
        impl Wire for Le<$int> {
            type Value = $int;
            const WIDTH: usize = size_of::<$int>();

            fn from_little_endian(raw: u64, _interface: Interface) -> $int {
                // Truncation ignores the bits above the width.
                raw as $int
            }

            fn to_little_endian(value: $int, _interface: Interface) -> u64 {
                value.into()
            }
        }

        impl Wire for Be<$int> {
            type Value = $int;
            const WIDTH: usize = size_of::<$int>();

            fn from_little_endian(raw: u64, _interface: Interface) -> $int {
                (raw as $int).swap_bytes()
            }

            fn to_little_endian(value: $int, _interface: Interface) -> u64 {
                value.swap_bytes().into()
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
