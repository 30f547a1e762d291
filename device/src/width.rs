//! Accesses of registers by their width.

/// Defines the accesses of an [`Io`](aerostat_transport::Io), in its implementation for a software device, by two functions of the type:
/// `read(&self, offset: usize, bits: u32) -> u32` and `write(&self, offset: usize, bits: u32, value: u32)`.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// use aerostat_transport::Io;
///
/// /// One register of 16 bits.
/// #[derive(Clone, Default)]
/// struct Register(Rc<Cell<u32>>);
///
/// impl Register {
///     fn read(&self, offset: usize, bits: u32) -> u32 {
///         assert_eq!((offset, bits), (0, 16));
///         self.0.get()
///     }
///
///     fn write(&self, offset: usize, bits: u32, value: u32) {
///         assert_eq!((offset, bits), (0, 16));
///         self.0.set(value);
///     }
/// }
///
/// // SAFETY: every access is performed on the register.
/// unsafe impl Io for Register {
///     fn len(&self) -> usize {
///         2
///     }
///
///     aerostat_device::accesses_by_width!();
/// }
///
/// let register = Register::default();
/// register.write16(0, 7);
/// assert_eq!(register.read16(0), 7);
/// ```
#[macro_export]
macro_rules! accesses_by_width {
    () => {
        fn read8(&self, offset: usize) -> u8 {
            self.read(offset, 8) as u8
        }

        fn read16(&self, offset: usize) -> u16 {
            self.read(offset, 16) as u16
        }

        fn read32(&self, offset: usize) -> u32 {
            self.read(offset, 32)
        }

        fn write8(&self, offset: usize, value: u8) {
            self.write(offset, 8, value.into());
        }

        fn write16(&self, offset: usize, value: u16) {
            self.write(offset, 16, value.into());
        }

        fn write32(&self, offset: usize, value: u32) {
            self.write(offset, 32, value);
        }
    };
}

pub(crate) use accesses_by_width;
