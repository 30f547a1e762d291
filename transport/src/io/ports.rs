//! I/O ports.

use crate::io::block::Io;

/// The port space of an x86 CPU, or a substitute for it.
///
/// # Safety
///
/// An implementation performs every access on the port, unchanged and in program order, and returns the value that the device
/// returns. The code that creates the value promises that only one user at a time accesses the ports of a device through it, its
/// clones and each [`PortRegion`] over them, see [`Io`].
pub unsafe trait Ports: Clone {
    /// Reads 8 bits.
    #[doc(alias = "inb")]
    fn read8(&self, port: u16) -> u8;
    /// Reads 16 bits.
    #[doc(alias = "inw")]
    fn read16(&self, port: u16) -> u16;
    /// Reads 32 bits.
    #[doc(alias = "inl")]
    fn read32(&self, port: u16) -> u32;
    /// Writes 8 bits.
    #[doc(alias = "outb")]
    fn write8(&self, port: u16, value: u8);
    /// Writes 16 bits.
    #[doc(alias = "outw")]
    fn write16(&self, port: u16, value: u16);
    /// Writes 32 bits.
    #[doc(alias = "outl")]
    fn write32(&self, port: u16, value: u32);
}

/// Registers behind consecutive I/O ports, such as those of an I/O BAR.
#[derive(Clone, Debug)]
pub struct PortRegion<P> {
    ports: P,
    start: u16,
    len: u32,
}

impl<P: Ports> PortRegion<P> {
    /// Returns the `len` ports from `start`, or fewer if the port space ends before.
    pub fn new(ports: P, start: u16, len: u16) -> Self {
        Self { ports, start, len: u32::from(len).min((1 << 16) - u32::from(start)) }
    }

    fn port<T>(&self, offset: usize) -> Option<u16> {
        let end = offset.checked_add(size_of::<T>())?;
        if end <= self.len as usize { self.start.checked_add(u16::try_from(offset).ok()?) } else { None }
    }
}

macro_rules! access {
    ($int:ty, $read:ident, $write:ident) => {
        fn $read(&self, offset: usize) -> $int {
            self.port::<$int>(offset).map_or(<$int>::MAX, |port| self.ports.$read(port))
        }

        fn $write(&self, offset: usize, value: $int) {
            if let Some(port) = self.port::<$int>(offset) {
                self.ports.$write(port, value);
            }
        }
    };
}

// SAFETY: each access is forwarded to ports that keep the contract, with the first port added to the offset.
unsafe impl<P: Ports> Io for PortRegion<P> {
    fn len(&self) -> usize {
        self.len as usize
    }

    access!(u8, read8, write8);
    access!(u16, read16, write16);
    access!(u32, read32, write32);
}

/// The ports of the CPU that this code runs on.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[derive(Clone, Copy, Debug)]
pub struct CpuPorts(());

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
impl CpuPorts {
    /// Returns access to all ports.
    ///
    /// # Safety
    ///
    /// * The code runs with the privilege for port access.
    /// * The value, its clones and each [`PortRegion`] over them access only ports of devices that the caller drives, and nothing
    ///   else accesses these ports at the same time, see [`Io`].
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
macro_rules! instruction {
    ($int:ty, $register:tt, $read:ident, $write:ident) => {
        fn $read(&self, port: u16) -> $int {
            let value;
            // SAFETY: by the contract of `CpuPorts::new`. There is no `nomem`, because the value read may mean that the device has
            // finished a memory access.
            unsafe {
                core::arch::asm!(concat!("in ", $register, ", dx"), in("dx") port, out($register) value,
                    options(nostack, preserves_flags));
            }
            value
        }

        fn $write(&self, port: u16, value: $int) {
            // SAFETY: by the contract of `CpuPorts::new`. There is no `nomem`, because the write may start a DMA transfer.
            unsafe {
                core::arch::asm!(concat!("out dx, ", $register), in("dx") port, in($register) value,
                    options(nostack, preserves_flags));
            }
        }
    };
}

// SAFETY: each access is one port instruction.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
unsafe impl Ports for CpuPorts {
    instruction!(u8, "al", read8, write8);
    instruction!(u16, "ax", read16, write16);
    instruction!(u32, "eax", read32, write32);
}
