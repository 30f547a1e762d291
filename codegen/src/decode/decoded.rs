//! The result of decoding.

use std::fmt::{self, Display, Formatter};

/// Decoded bytes: one line for each field. `Display` writes offset, name and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    pub(super) lines: Vec<DecodedField>,
}

/// A field with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedField {
    /// The offset in bytes.
    pub offset: usize,
    /// The name, with the names of the structures around it: `hdr.type`.
    pub name: String,
    /// The value as text: a number in hexadecimal, the name of an enum's value, the set flags, or bytes.
    pub value: String,
    /// The value of a number.
    pub number: Option<u64>,
}

impl Decoded {
    /// Returns the fields, in order.
    pub fn fields(&self) -> &[DecodedField] {
        &self.lines
    }

    /// Returns the last number with this name.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.lines.iter().rev().find(|field| field.name == name)?.number
    }
}

impl Display for Decoded {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|field| writeln!(f, "{:#06x} {}: {}", field.offset, field.name, field.value))
    }
}
