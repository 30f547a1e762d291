//! Typed access to registers: the type of a field has its offset, its width and whether it is readable and writable.

use core::marker::PhantomData;

use aerostat_spec::{Block, Field, Interface, Readable, Wire, Writable};

use crate::io::block::Io;

/// The block of registers `B`, accessed through `I`.
#[derive(Debug)]
pub(crate) struct Registers<B, I> {
    io: I,
    block: PhantomData<fn() -> B>,
}

impl<B, I: Clone> Clone for Registers<B, I> {
    fn clone(&self) -> Self {
        Self { io: self.io.clone(), block: PhantomData }
    }
}

impl<B: Block, I: Io> Registers<B, I> {
    pub(crate) fn new(io: I) -> Self {
        Self { io, block: PhantomData }
    }

    pub(crate) fn io(&self) -> &I {
        &self.io
    }

    pub(crate) fn read<F: Readable<Block = B>>(&self, field: F) -> <F::Wire as Wire>::Value {
        read(&self.io, field, Interface::Modern)
    }

    pub(crate) fn write<F: Writable<Block = B>>(&self, field: F, value: <F::Wire as Wire>::Value) {
        write(&self.io, field, value, Interface::Modern);
    }
}

/// Returns whether `field` is completely inside `io`.
pub(crate) fn fits<F: Field>(io: &impl Io, field: F) -> bool {
    field.offset().checked_add(F::Wire::WIDTH).is_some_and(|end| end <= io.len())
}

/// Reads a field; a 64-bit field as two halves, the low one first.
pub(crate) fn read<F: Field>(io: &impl Io, field: F, interface: Interface) -> <F::Wire as Wire>::Value {
    let offset = field.offset();
    let raw = match F::Wire::WIDTH {
        1 => io.read8(offset).into(),
        2 => io.read16(offset).into(),
        4 => io.read32(offset).into(),
        _ => u64::from(io.read32(offset)) | u64::from(io.read32(offset.wrapping_add(4))) << 32,
    };
    F::Wire::from_little_endian(raw, interface)
}

/// Writes a field; a 64-bit field as two halves, the low one first.
pub(crate) fn write<F: Field>(io: &impl Io, field: F, value: <F::Wire as Wire>::Value, interface: Interface) {
    let offset = field.offset();
    let raw = F::Wire::to_little_endian(value, interface);
    match F::Wire::WIDTH {
        // Each cast keeps the bytes of the field.
        1 => io.write8(offset, raw as u8),
        2 => io.write16(offset, raw as u16),
        4 => io.write32(offset, raw as u32),
        _ => write64(io, offset, raw),
    }
}

// Not inlined, because each queue has three addresses.
#[inline(never)]
fn write64(io: &impl Io, offset: usize, value: u64) {
    io.write32(offset, value as u32);
    io.write32(offset.wrapping_add(4), (value >> 32) as u32);
}
