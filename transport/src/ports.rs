//! I/O ports.

use crate::io::Io;

/// The port space of an x86 CPU, or something that stands for it.
///
/// # Safety
///
/// An implementation passes every access on to the port, unchanged and in program order, and returns what the device
/// answers, see [`Io`].
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

/// Registers behind I/O ports, as an I/O BAR has them.
#[derive(Clone, Debug)]
pub struct PortRegion<P> {
    ports: P,
    start: u16,
    len: u32,
}

impl<P: Ports> PortRegion<P> {
    /// The `len` ports from `start` on; shorter where the port space ends before that.
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

// SAFETY: each access is passed on, moved by the first port, to ports that keep the contract.
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
    /// Access to all ports.
    ///
    /// # Safety
    ///
    /// The code runs with the privilege for port access, and whoever uses the value reaches only ports of devices that
    /// it drives.
    pub const unsafe fn new() -> Self {
        Self(())
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
macro_rules! instruction {
    ($int:ty, $register:tt, $read:ident, $write:ident) => {
        fn $read(&self, port: u16) -> $int {
            let value;
            // SAFETY: by the contract of `CpuPorts::new`. Reading a port may tell that a device is done with memory, so that
            // the compiler is not told that memory is untouched.
            unsafe {
                core::arch::asm!(concat!("in ", $register, ", dx"), in("dx") port, out($register) value,
                    options(nostack, preserves_flags));
            }
            value
        }

        fn $write(&self, port: u16, value: $int) {
            // SAFETY: by the contract of `CpuPorts::new`. A port access may start a DMA transfer, see above.
            unsafe {
                core::arch::asm!(concat!("out dx, ", $register), in("dx") port, in($register) value,
                    options(nostack, preserves_flags));
            }
        }
    };
}

// SAFETY: each access is the instruction for it.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
unsafe impl Ports for CpuPorts {
    instruction!(u8, "al", read8, write8);
    instruction!(u16, "ax", read16, write16);
    instruction!(u32, "eax", read32, write32);
}
