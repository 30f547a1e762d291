//! Enums and bit fields in memory and in registers.

use core::fmt::{self, Debug, Formatter};
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use zerocopy::{ByteOrder, FromBytes, Immutable, IntoBytes, KnownLayout, U16, U32, U64, Unaligned};

/// An enum or a bit field of a description, which an integer represents. Each integer has a value.
pub trait Represented: Copy + Debug + Eq + Into<u64> + From<Self::Repr> {
    /// The integer: `u8`, `u16`, `u32` or `u64`.
    type Repr: Copy + Debug + Eq + Into<u64> + From<Self>;
}

/// An integer in memory: `u8`, or an integer of zerocopy with a byte order.
pub trait StoredInt: Copy + Debug + Eq + Hash {
    /// The integer.
    type Int;

    /// Stores the integer.
    fn store(int: Self::Int) -> Self;

    /// Returns the integer.
    fn load(self) -> Self::Int;
}

impl StoredInt for u8 {
    type Int = Self;

    fn store(int: Self) -> Self {
        int
    }

    fn load(self) -> Self {
        self
    }
}

macro_rules! stored {
    ($($stored:ident: $int:ty),*) => {$(
        impl<O: ByteOrder> StoredInt for $stored<O> {
            type Int = $int;

            fn store(int: $int) -> Self {
                Self::new(int)
            }

            fn load(self) -> $int {
                self.get()
            }
        }
    )*};
}

stored!(U16: u16, U32: u32, U64: u64);

/// An enum or a bit field `T` in a structure, stored as `R`.
///
/// It can contain every integer, because the device may write any.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(transparent)]
pub struct Stored<T, R> {
    stored: R,
    value: PhantomData<T>,
}

impl<T, R> Stored<T, R> {
    /// Makes it from the stored integer.
    pub const fn from_stored(stored: R) -> Self {
        Self { stored, value: PhantomData }
    }
}

impl<T: Represented, R: StoredInt<Int = T::Repr>> Stored<T, R> {
    /// Stores the value.
    pub fn new(value: T) -> Self {
        Self::from_stored(R::store(T::Repr::from(value)))
    }

    /// Returns the value.
    pub fn get(self) -> T {
        T::from(self.raw())
    }

    /// Replaces the value.
    pub fn set(&mut self, value: T) {
        *self = Self::new(value);
    }

    /// Returns the integer.
    pub fn raw(self) -> T::Repr {
        self.stored.load()
    }
}

impl<T: Represented, R: StoredInt<Int = T::Repr>> From<T> for Stored<T, R> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Represented, R: StoredInt<Int = T::Repr>> Debug for Stored<T, R> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// Not derived, because the derives would need the traits of `T`.
impl<T, R: Copy> Copy for Stored<T, R> {}

impl<T, R: Copy> Clone for Stored<T, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, R: PartialEq> PartialEq for Stored<T, R> {
    fn eq(&self, other: &Self) -> bool {
        self.stored == other.stored
    }
}

impl<T, R: Eq> Eq for Stored<T, R> {}

impl<T, R: Hash> Hash for Stored<T, R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stored.hash(state);
    }
}
