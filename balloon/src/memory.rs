//! A value in private memory of the kernel. Moving its owner is cheap.

use core::fmt::{self, Debug, Formatter};
use core::ptr::NonNull;

use crate::platform::PrivateMemory;

/// A value of type `X` in private memory that the kernel allocated, like a box without an allocator.
///
/// Dropping a `PrivateBox` leaks the value and the memory.
pub(crate) struct PrivateBox<X> {
    value: NonNull<X>,
    memory: NonNull<[u64]>,
}

// SAFETY: it owns the value and the memory around it.
unsafe impl<X: Send> Send for PrivateBox<X> {}
// SAFETY: a shared reference gives no access to the value but its address.
unsafe impl<X: Sync> Sync for PrivateBox<X> {}

/// Private memory with room for a value of type `X`, followed by words for other use.
pub(crate) struct PrivateSlot<X> {
    value: NonNull<X>,
    memory: NonNull<[u64]>,
}

impl<X> PrivateSlot<X> {
    /// Words for the value, including room for its alignment.
    const WORDS: usize = {
        let slack = align_of::<X>().saturating_sub(align_of::<u64>());
        (size_of::<X>() + slack).div_ceil(size_of::<u64>())
    };

    /// Returns the number of words for the value and `rest` words for other use.
    pub(crate) const fn words(rest: usize) -> Option<usize> {
        Self::WORDS.checked_add(rest)
    }

    /// Divides `memory` into a slot for the value and the words after it.
    ///
    /// # Errors
    ///
    /// The memory, if it is too small.
    pub(crate) fn divide(memory: &'static mut [u64]) -> Result<(Self, &'static mut [u64]), &'static mut [u64]> {
        if memory.len() < Self::WORDS {
            return Err(memory);
        }
        let len = memory.len();
        let memory = NonNull::from(memory);
        let start = memory.cast::<u64>();
        let offset = start.addr().get().wrapping_neg() & (align_of::<X>() - 1);
        // SAFETY: `WORDS` includes the slack that aligning the address for `X` takes.
        let value = unsafe { start.byte_add(offset) }.cast::<X>();
        // SAFETY: the memory has at least `WORDS` words.
        let rest = unsafe { start.add(Self::WORDS) };
        let rest = NonNull::slice_from_raw_parts(rest, len - Self::WORDS);
        // SAFETY: the words after the slot are part of the memory that is borrowed exclusively for the rest of the program.
        // They do not overlap the slot.
        Ok((Self { value, memory }, unsafe { &mut *rest.as_ptr() }))
    }

    /// Returns the address of the value. The memory is exclusively the caller's, and is not initialised.
    pub(crate) const fn as_ptr(&self) -> *mut X {
        self.value.as_ptr()
    }

    /// Turns the slot into the value that was written to it.
    ///
    /// # Safety
    ///
    /// A valid value was written to [`PrivateSlot::as_ptr`].
    pub(crate) unsafe fn assume_init(self) -> PrivateBox<X> {
        PrivateBox { value: self.value, memory: self.memory }
    }
}

impl<X> PrivateBox<X> {
    /// Returns the address of the value, which is valid until [`PrivateBox::into_memory`].
    pub(crate) const fn as_ptr(&self) -> NonNull<X> {
        self.value
    }

    /// Returns the memory. The value in it is not dropped.
    ///
    /// # Safety
    ///
    /// No pointer to the value, to a part of it, or to the words after it is used any more.
    pub(crate) unsafe fn into_memory(self) -> PrivateMemory {
        let words = self.memory.len();
        // SAFETY: the memory is valid for writes, and nothing else uses it. Zeros make every word a valid number again.
        unsafe { self.memory.cast::<u64>().write_bytes(0, words) };
        // SAFETY: the memory was borrowed exclusively for the rest of the program, and is initialised.
        PrivateMemory::from(unsafe { &mut *self.memory.as_ptr() })
    }
}

impl<X> Debug for PrivateBox<X> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PrivateBox").field(&self.value).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use super::*;

    #[repr(align(64))]
    struct Aligned([u64; 3]);

    fn divide<X>(words: usize) -> Result<(PrivateSlot<X>, usize), usize> {
        let memory = Box::leak(vec![u64::MAX; words].into_boxed_slice());
        PrivateSlot::divide(memory).map(|(slot, rest)| (slot, rest.len())).map_err(|memory| memory.len())
    }

    #[test]
    fn a_value_is_written_at_an_aligned_address_and_the_rest_is_left() {
        // The value and bytes to align it, in whole words, and the rest.
        let expected = (64 + 64 - align_of::<u64>()).div_ceil(8) + 5;
        assert_eq!(PrivateSlot::<Aligned>::words(5), Some(expected));
        let (slot, rest) = divide::<Aligned>(PrivateSlot::<Aligned>::words(5).unwrap()).unwrap();
        assert_eq!((slot.as_ptr().addr() % 64, rest), (0, 5));
        // SAFETY: the slot is valid for writes.
        unsafe { slot.as_ptr().write(Aligned([1, 2, 3])) };
        // SAFETY: a value was just written.
        let boxed = unsafe { slot.assume_init() };
        // SAFETY: the value is valid, and nothing else uses it.
        assert_eq!(unsafe { boxed.as_ptr().as_ref() }.0, [1, 2, 3]);
        let words = PrivateSlot::<Aligned>::words(5).unwrap();
        // SAFETY: no pointer to the value is used below.
        let memory = unsafe { boxed.into_memory() }.into_raw();
        // SAFETY: the memory is valid and initialised.
        assert_eq!(unsafe { memory.as_ref() }, vec![0; words]);
    }

    #[test]
    fn memory_that_is_too_small_is_returned() {
        assert_eq!(divide::<[u64; 4]>(3).err(), Some(3));
        assert_eq!(divide::<[u64; 4]>(4).map(|(_, rest)| rest), Ok(0));
    }
}
