//! Entries of unions.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Reads the entry at the start of a union. The union is at least as long.
pub fn read_entry<T: FromBytes>(bytes: &[u8]) -> T {
    T::read_from_prefix(bytes).map_or_else(|_| T::new_zeroed(), |(entry, _)| entry)
}

/// Returns the bytes of a union that contains the entry, with zeros behind it.
pub fn entry_bytes<T: IntoBytes + Immutable, const N: usize>(entry: &T) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(entry.as_bytes()).for_each(|(to, from)| *to = *from);
    bytes
}
