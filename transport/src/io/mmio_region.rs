//! Registers in memory.

use core::ptr::NonNull;

use crate::io::block::Io;

/// Registers that are mapped into memory.
///
/// Each access is one load or store. On aarch64 it is an instruction that hypervisors can emulate: one register, and no
/// write-back of the address, which a compiler may choose for a volatile access.
#[derive(Clone, Debug)]
pub struct MmioRegion {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: every CPU accesses the registers in the same way, and the contract of `MmioRegion::new` allows clones to be used
// at the same time.
unsafe impl Send for MmioRegion {}
// SAFETY: as above; every method makes a single access.
unsafe impl Sync for MmioRegion {}

impl MmioRegion {
    /// Returns the registers at the virtual address `start`, `len` bytes long.
    ///
    /// # Safety
    ///
    /// * The region is mapped as device memory, for reads and writes, for as long as this value or a clone exists.
    /// * The registers belong to one device, whose driver is the only user, see [`Io`], and no Rust reference points to them. Different
    ///   structures of a PCI device may overlap, because the device says where they are.
    /// * The caller is responsible for what is written through the value and its clones, because registers can make a device
    ///   write to memory.
    pub const unsafe fn new(start: NonNull<u8>, len: usize) -> Self {
        Self { start, len }
    }

    /// Returns a pointer to the `T` at `offset`; `None` if it is outside or not aligned.
    fn register<T>(&self, offset: usize) -> Option<NonNull<T>> {
        let fits = offset.checked_add(size_of::<T>()).is_some_and(|end| end <= self.len);
        if !fits {
            return None;
        }
        // SAFETY: `offset` is inside the region, as just checked.
        let at = unsafe { self.start.add(offset) }.cast::<T>();
        at.is_aligned().then_some(at)
    }
}

/// An access to a register.
trait Access: Copy {
    /// Loads the value at a pointer.
    ///
    /// # Safety
    ///
    /// The pointer refers to mapped device memory and is aligned.
    unsafe fn load(from: NonNull<Self>) -> Self;

    /// Stores the value at a pointer.
    ///
    /// # Safety
    ///
    /// As for [`Access::load`].
    unsafe fn store(to: NonNull<Self>, value: Self);
}

macro_rules! instructions {
    ($int:ty, $load:literal, $store:literal) => {
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        impl Access for $int {
            #[inline(always)]
            unsafe fn load(from: NonNull<Self>) -> Self {
                let value: Self;
                // SAFETY: a load from device memory that is mapped and aligned, by the contract of `load`. There is no `nomem`,
                // because the value may mean that the device has finished a memory access.
                unsafe {
                    core::arch::asm!(concat!($load, " {value:w}, [{from}]"), value = out(reg) value,
                        from = in(reg) from.as_ptr(), options(nostack, preserves_flags));
                }
                value
            }

            #[inline(always)]
            unsafe fn store(to: NonNull<Self>, value: Self) {
                // SAFETY: a store to device memory that is mapped and aligned, by the contract of `store`. There is no `nomem`,
                // because the store may start a memory access of the device.
                unsafe {
                    core::arch::asm!(concat!($store, " {value:w}, [{to}]"), value = in(reg) value,
                        to = in(reg) to.as_ptr(), options(nostack, preserves_flags));
                }
            }
        }

        #[cfg(not(all(target_arch = "aarch64", not(miri))))]
        impl Access for $int {
            #[inline(always)]
            unsafe fn load(from: NonNull<Self>) -> Self {
                // SAFETY: mapped and aligned, by the contract of `load`; an integer has no invalid values.
                unsafe { from.read_volatile() }
            }

            #[inline(always)]
            unsafe fn store(to: NonNull<Self>, value: Self) {
                // SAFETY: mapped and aligned, by the contract of `store`.
                unsafe { to.write_volatile(value) }
            }
        }
    };
}

instructions!(u8, "ldrb", "strb");
instructions!(u16, "ldrh", "strh");
instructions!(u32, "ldr", "str");

macro_rules! access {
    ($int:ty, $read:ident, $write:ident) => {
        #[inline(never)]
        fn $read(&self, offset: usize) -> $int {
            let Some(register) = self.register::<$int>(offset) else { return <$int>::MAX };
            // SAFETY: inside and aligned, as `register` checked, and mapped by the contract of `MmioRegion::new`. Clones may access
            // the same register at the same time, each with one access, which device memory permits.
            <$int>::from_le(unsafe { Access::load(register) })
        }

        #[inline(never)]
        fn $write(&self, offset: usize, value: $int) {
            if let Some(register) = self.register::<$int>(offset) {
                // SAFETY: as for a read.
                unsafe { Access::store(register, value.to_le()) }
            }
        }
    };
}

// SAFETY: each access is one load or store of the register.
unsafe impl Io for MmioRegion {
    fn len(&self) -> usize {
        self.len
    }

    access!(u8, read8, write8);
    access!(u16, read16, write16);
    access!(u32, read32, write32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(8))]
    struct Memory([u8; 16]);

    fn region(memory: &mut Memory) -> MmioRegion {
        // SAFETY: the array is aligned and outlives the region, and nothing else accesses it in the meantime.
        unsafe { MmioRegion::new(NonNull::from(&mut memory.0).cast(), 16) }
    }

    #[test]
    fn registers_are_little_endian() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(4, 0x0102_0304);
        region.write16(8, 0x0506);
        region.write8(11, 7);
        assert_eq!([region.read8(4), region.read8(7), region.read8(8), region.read8(11)], [4, 1, 6, 7]);
        assert_eq!((region.read32(4), region.read16(8)), (0x0102_0304, 0x0506));
    }

    #[test]
    fn an_access_outside_reads_ones_and_writes_nothing() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        for offset in [13, 16, usize::MAX - 1, usize::MAX] {
            region.write32(offset, 5);
            assert_eq!(region.read32(offset), u32::MAX, "{offset:#x}");
        }
        assert_eq!(region.read32(12), 0);
    }

    #[test]
    fn an_unaligned_access_reads_ones_and_writes_nothing() {
        let mut memory = Memory([0; 16]);
        let region = region(&mut memory);
        region.write32(2, 5);
        assert_eq!((region.read32(2), region.read32(0)), (u32::MAX, 0));
    }
}
