//! Conversions of integers to the byte order of rings and buffers.

use super::super::FORMAT;
use crate::Format;

/// An integer in rings and buffers.
pub(crate) trait Bytes {
    fn bytes(self) -> Vec<u8>;
}

macro_rules! bytes {
    ($($int:ident)*) => {
        $(impl Bytes for $int {
            fn bytes(self) -> Vec<u8> {
                match FORMAT {
                    Format::Legacy => self.to_ne_bytes().into(),
                    _ => self.to_le_bytes().into(),
                }
            }
        })*
    };
}

bytes!(u16 u32 u64);

pub(crate) fn from_bytes(bytes: [u8; 2]) -> u16 {
    if FORMAT == Format::Legacy { u16::from_ne_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}
