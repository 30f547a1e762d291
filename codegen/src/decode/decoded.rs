//! The result of decoding.

use std::fmt::{self, Display, Formatter};

/// The name of the bytes behind the last field.
pub(super) const REST: &str = "(rest)";

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

    /// Shows bytes as they are, 16 in a line.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let line = |(line, bytes): (usize, &[u8])| DecodedField {
            offset: 16 * line,
            name: "bytes".to_owned(),
            value: bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            number: None,
        };
        Self { lines: bytes.chunks(16).enumerate().map(line).collect() }
    }

    /// Returns whether the bytes ended before the last field.
    pub(super) fn is_short(&self) -> bool {
        self.lines.last().is_some_and(|field| field.value.ends_with("missing)"))
    }

    /// Returns whether bytes were left behind the last field.
    pub(super) fn has_rest(&self) -> bool {
        self.lines.last().is_some_and(|field| field.name == REST)
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
