//! Reads fields, one after the other.

use super::decoded::{Decoded, DecodedField, REST, ROW};
use crate::model::{Bits, Element, Enum, Member, Module, Order, Scalar, Struct, Type, UnionType, ValueType};

/// The maximum number of bytes of a field that is one line.
const LINE: usize = 2 * ROW;

/// Reads fields one after the other.
pub(super) struct Reader<'a> {
    module: &'a Module,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) decoded: Decoded,
}

impl<'a> Reader<'a> {
    pub(super) fn new(module: &'a Module, bytes: &'a [u8]) -> Self {
        Self { module, bytes, at: 0, decoded: Decoded::default() }
    }

    pub(super) fn structure(&mut self, structure: &'a Struct, prefix: &str) {
        let start = self.decoded.lines.len();
        for field in &structure.fields {
            let name = join(prefix, &field.name.text);
            match &field.ty.element {
                Element::Union(union) => {
                    let selector = union.selector.as_ref().map(|selector| join(prefix, &selector.field.text));
                    let chosen = selector.and_then(|selector| self.number_since(start, &selector));
                    self.union(union, chosen, &name);
                }
                _ => self.value(&field.ty, &name),
            }
        }
        if let Some(tail) = &structure.tail {
            let left = self.bytes.len().saturating_sub(self.at) as u64;
            let count = left.checked_div(tail.ty.element.size()).unwrap_or(0);
            self.array(&tail.ty.element, count, &join(prefix, &tail.name.text));
        }
    }

    fn number_since(&self, start: usize, name: &str) -> Option<u64> {
        self.decoded.lines.get(start..)?.iter().find(|field| field.name == name)?.number
    }

    /// Decodes the entry that the selector chooses, or shows the bytes.
    fn union(&mut self, union: &UnionType, chosen: Option<u64>, name: &str) {
        let end = self.at.saturating_add(usize::try_from(union.size).unwrap_or(usize::MAX));
        let selected = union.selector.as_ref().and_then(|selector| {
            let variant = self.enumeration(&selector.ty.text)?.variants.iter().find(|v| Some(v.value) == chosen)?;
            union.entries.iter().find(|entry| entry.values.iter().any(|value| value.text == variant.name.text))
        });
        match selected {
            Some(entry) => self.value(&entry.ty, &join(name, &entry.name.text)),
            None => self.bytes(union.size, name),
        }
        self.at = end;
    }

    /// Decodes an array. It ends at the first missing element, so the output has at most one line more than there are bytes.
    pub(super) fn array(&mut self, element: &Element, count: u64, name: &str) {
        match element {
            Element::Scalar(scalar) if scalar.int.bits() == 8 && count > 0 => return self.bytes(count, name),
            _ => {}
        }
        for index in 0..count {
            if self.at >= self.bytes.len() {
                let missing = count - index;
                let text = if missing == 1 {
                    "(1 element is missing)".to_owned()
                } else {
                    format!("({missing} elements are missing)")
                };
                return self.push(self.at, name, text, None);
            }
            self.element(element, &format!("{name}[{index}]"));
        }
    }

    pub(super) fn value(&mut self, ty: &Type, name: &str) {
        match ty.len {
            Some(len) => self.array(&ty.element, len.into(), name),
            None => self.element(&ty.element, name),
        }
    }

    pub(super) fn element(&mut self, element: &Element, name: &str) {
        match element {
            Element::Scalar(scalar) => {
                let at = self.at;
                match self.number(*scalar) {
                    Some(number) => self.push(at, name, format!("{number:#x}"), Some(number)),
                    None => self.missing(name),
                }
            }
            Element::Value(value) => {
                let at = self.at;
                match self.number(value.scalar) {
                    Some(number) => self.push(at, name, self.described(value, number), Some(number)),
                    None => self.missing(name),
                }
            }
            Element::Struct(structure) => {
                let inner = self.module.members.iter().find_map(|member| match member {
                    Member::Struct(inner) if inner.name.text == structure.name.text => Some(inner),
                    _ => None,
                });
                if let Some(inner) = inner {
                    self.structure(inner, name);
                }
            }
            Element::Union(union) => self.union(union, None, name),
        }
    }

    /// The text for a value of an enum or a bit field.
    fn described(&self, ty: &ValueType, number: u64) -> String {
        if let Some(values) = self.enumeration(&ty.name.text) {
            let name = values.variants.iter().find(|variant| variant.value == number);
            let other = values.other.as_ref().map_or("unknown", |other| &other.name.text);
            return format!("{} ({number:#x})", name.map_or(other, |variant| &variant.name.text));
        }
        let bits = self.module.members.iter().find_map(|member| match member {
            Member::Bits(bits) if bits.name.text == ty.name.text => Some(bits),
            _ => None,
        });
        match bits.map(|bits| flags(bits, number)).filter(|flags| !flags.is_empty()) {
            Some(flags) => format!("{flags} ({number:#x})"),
            None => format!("{number:#x}"),
        }
    }

    fn enumeration(&self, name: &str) -> Option<&'a Enum> {
        self.module.members.iter().find_map(|member| match member {
            Member::Enum(values) if values.name.text == name => Some(values),
            _ => None,
        })
    }

    /// Reads a number. Returns `None` if the bytes end before it.
    fn number(&mut self, scalar: Scalar) -> Option<u64> {
        let len = usize::try_from(scalar.int.bytes()).ok()?;
        let bytes = self.bytes.get(self.at..)?.get(..len)?;
        self.at += len;
        let combine = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match scalar.order {
            Order::Big => bytes.iter().fold(0, combine),
            Order::None | Order::Little | Order::Native => bytes.iter().rev().fold(0, combine),
        })
    }

    /// Shows bytes, as many as there are. More than [`LINE`] are lines of [`ROW`] bytes.
    fn bytes(&mut self, len: u64, name: &str) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
        let mut shown = rest.get(..end).unwrap_or_default();
        let missing = len.saturating_sub(shown.len() as u64);
        if shown.len() > LINE {
            while shown.len() > ROW {
                let (row, others) = shown.split_at(ROW);
                self.row(row, name, 0);
                shown = others;
            }
        }
        self.row(shown, name, missing);
    }

    fn row(&mut self, bytes: &[u8], name: &str, missing: u64) {
        let mut text = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        if bytes.iter().any(|byte| *byte != 0) && bytes.iter().all(|byte| matches!(byte, 0 | b' '..=b'~')) {
            let printable = bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte));
            text.push_str(&format!(" {:?}", printable.collect::<String>()));
        }
        if missing > 0 {
            let bytes = if missing == 1 { "1 byte is".to_owned() } else { format!("{missing} bytes are") };
            text.push_str(&format!(" ({bytes} missing)"));
        }
        self.push(self.at, name, text.trim_start().to_owned(), None);
        self.at = self.at.saturating_add(bytes.len());
    }

    fn missing(&mut self, name: &str) {
        self.push(self.at, name, "(missing)".to_owned(), None);
        self.at = self.bytes.len();
    }

    /// Shows the bytes that no field has taken.
    pub(super) fn rest(&mut self) {
        let left = self.bytes.len().saturating_sub(self.at);
        if left > 0 {
            self.bytes(left as u64, REST);
        }
    }

    fn push(&mut self, offset: usize, name: &str, value: String, number: Option<u64>) {
        self.decoded.lines.push(DecodedField { offset, name: name.to_owned(), value, number });
    }
}

/// The names of the set flags, and the parts of several bits that are not 0.
fn flags(bits: &Bits, number: u64) -> String {
    let parts = bits.fields.iter().filter_map(|field| {
        let value = number.checked_shr(field.low)?;
        match field.width {
            None => (value & 1 == 1).then(|| field.name.text.clone()),
            Some(width) => {
                let value = value & u64::MAX.checked_shr(64 - width).unwrap_or(0);
                (value != 0).then(|| format!("{} {value:#x}", field.name.text))
            }
        }
    });
    parts.collect::<Vec<_>>().join(" | ")
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
