//! The result of decoding.

use std::fmt::{self, Display, Formatter};

/// The name of the bytes behind the last field.
pub(super) const REST: &str = "(rest)";

/// The number of bytes in a line.
pub(super) const ROW: usize = 16;

/// Decoded bytes: one line for each field, and several for a long array of bytes. `Display` writes offset, name and value.
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

    /// Shows bytes as they are.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let line = |(line, bytes): (usize, &[u8])| DecodedField {
            offset: ROW * line,
            name: "bytes".to_owned(),
            value: bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            number: None,
        };
        Self { lines: bytes.chunks(ROW).enumerate().map(line).collect() }
    }

    /// Returns whether the bytes ended before the last field.
    pub(super) fn is_short(&self) -> bool {
        self.lines.last().is_some_and(|field| field.value.ends_with("missing)"))
    }

    /// Returns whether bytes were left behind the last field.
    pub(super) fn has_rest(&self) -> bool {
        self.lines.last().is_some_and(|field| field.name == REST)
    }

    /// Returns whether all elements of an array are 0.
    pub(super) fn is_zero(&self, name: &str) -> bool {
        let is_element = |field: &&DecodedField| {
            field.name.strip_prefix(name).is_some_and(|index| index.is_empty() || index.starts_with('['))
        };
        let is_zero = |field: &DecodedField| match field.number {
            Some(number) => number == 0,
            None => field.value.split(' ').all(|byte| byte == "00"),
        };
        self.lines.iter().filter(is_element).all(is_zero)
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
