//! Integers in the byte order of rings and buffers.

use super::super::SHAPE;
use crate::Shape;

/// Integers in the byte order of rings and buffers.
pub(crate) trait Bytes {
    fn bytes(self) -> Vec<u8>;
}

macro_rules! bytes {
    ($($int:ident)*) => {
        $(impl Bytes for $int {
            fn bytes(self) -> Vec<u8> {
                match SHAPE {
                    Shape::Legacy => self.to_ne_bytes().into(),
                    _ => self.to_le_bytes().into(),
                }
            }
        })*
    };
}

bytes!(u16 u32 u64);

pub(crate) fn from_bytes(bytes: [u8; 2]) -> u16 {
    if SHAPE == Shape::Legacy { u16::from_ne_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}
