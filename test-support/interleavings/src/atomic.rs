//! Atomics over memory that loom knows by its address. The memory has the newest values too, for what is dropped after a panic.

use std::panic::Location;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use crate::memory::{before_fence, cell};
use crate::site::{Operation, ordering};

/// Returns the ordering for an operation other than a fence.
#[track_caller]
fn at(operation: Operation, requested: Ordering) -> Ordering {
    ordering(operation, requested, Location::caller()).unwrap_or(Ordering::Relaxed)
}

/// Does what [`std::sync::atomic::fence`] does.
#[track_caller]
pub fn fence(requested: Ordering) {
    let Some(ordering) = ordering(Operation::Fence, requested, Location::caller()) else { return };
    match before_fence() {
        Some(()) => loom::sync::atomic::fence(ordering),
        None => std::sync::atomic::fence(ordering),
    }
}

macro_rules! atomics {
    ($($name:ident $value:ty, $to:expr, $from:expr;)*) => {$(
        /// The atomic of the same name in [`std::sync::atomic`].
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub struct $name(std::sync::atomic::$name);

        impl $name {
            /// Creates an atomic.
            pub const fn new(value: $value) -> Self {
                Self(std::sync::atomic::$name::new(value))
            }

            fn cell(&self) -> Option<crate::memory::Cell> {
                cell(std::ptr::from_ref(self).addr(), || $to(self.0.load(Ordering::Relaxed)))
            }

            /// Loads the value.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let order = at(Operation::Load, order);
                self.cell().map_or_else(|| self.0.load(Ordering::Relaxed), |cell| $from(cell.load(order)))
            }

            /// Stores a value.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                let order = at(Operation::Store, order);
                if let Some(cell) = self.cell() {
                    cell.store($to(value), order);
                }
                self.0.store(value, Ordering::Relaxed);
            }
        }
    )*};
}

/// Read-modify-write operations.
macro_rules! updates {
    ($name:ident $value:ty, $to:expr, $from:expr; $($operation:ident)*) => {
        impl $name {$(
            /// The operation of the same name in [`std::sync::atomic`].
            #[track_caller]
            pub fn $operation(&self, value: $value, order: Ordering) -> $value {
                let order = at(Operation::Update(stringify!($operation)), order);
                let known = self.cell().map(|cell| $from(cell.$operation($to(value), order)));
                let before = self.0.$operation(value, Ordering::Relaxed);
                known.unwrap_or(before)
            }
        )*}
    };
}

atomics! {
    AtomicBool bool, u32::from, |value| value != 0;
    AtomicU8 u8, u32::from, |value| value as u8;
    AtomicU16 u16, u32::from, |value| value as u16;
    AtomicU32 u32, |value| value, |value| value;
}
updates!(AtomicBool bool, u32::from, |value| value != 0; swap);
updates!(AtomicU8 u8, u32::from, |value| value as u8; swap fetch_or fetch_and);
updates!(AtomicU32 u32, |value| value, |value| value; fetch_or fetch_and fetch_add fetch_sub);

impl AtomicU16 {
    /// Returns an atomic for the memory at a pointer.
    ///
    /// # Safety
    ///
    /// As for [`std::sync::atomic::AtomicU16::from_ptr`].
    pub const unsafe fn from_ptr<'a>(at: *mut u16) -> &'a Self {
        // SAFETY: the type has the layout of an atomic, which has the layout of its value. The caller promises the rest.
        unsafe { &*at.cast() }
    }
}

/// The 16-bit units of a value.
fn units<T>(at: NonNull<T>) -> impl Iterator<Item = NonNull<u16>> {
    // SAFETY: inside of the value.
    (0..size_of::<T>() / 2).map(move |unit| unsafe { at.cast().add(unit) })
}

/// Lets loom know 16-bit units of memory, such as a ring. Done before other threads start, it is no access.
///
/// # Safety
///
/// The memory is valid for reads, and aligned to 16 bits.
pub unsafe fn register(start: NonNull<u8>, bytes: usize) {
    for offset in (0..bytes).step_by(2) {
        // SAFETY: inside of the memory.
        let at = unsafe { start.add(offset) };
        // SAFETY: valid by the caller's promise.
        unsafe { AtomicU16::from_ptr(at.cast().as_ptr()) }.cell();
    }
}

/// Reads a value in units of 16 bits, without an ordering. A volatile read of a value that another context writes is not more than
/// that, and other accesses of a ring have 16 bits.
///
/// # Safety
///
/// As for [`std::ptr::read_volatile`]. The value is an integer.
pub unsafe fn read_volatile<T: Copy + Default>(at: *const T) -> T {
    let mut value = T::default();
    let Some(at) = NonNull::new(at.cast_mut()) else { return value };
    for (from, to) in units(at).zip(units(NonNull::from(&mut value))) {
        // SAFETY: valid by the caller's promise.
        let unit = unsafe { AtomicU16::from_ptr(from.as_ptr()) }.load(Ordering::Relaxed);
        // SAFETY: inside of the local value.
        unsafe { to.write(unit) };
    }
    value
}

/// Writes a value like [`read_volatile`].
///
/// # Safety
///
/// As for [`std::ptr::write_volatile`]. The value is an integer.
pub unsafe fn write_volatile<T: Copy>(at: *mut T, mut value: T) {
    let Some(at) = NonNull::new(at) else { return };
    for (to, from) in units(at).zip(units(NonNull::from(&mut value))) {
        // SAFETY: inside of the local value.
        let unit = unsafe { from.read() };
        // SAFETY: valid by the caller's promise.
        unsafe { AtomicU16::from_ptr(to.as_ptr()) }.store(unit, Ordering::Relaxed);
    }
}
