//! Functions and calls in a program for x86_64.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind};

/// Returns address range and name of every function in an image. Identical functions may share an address.
pub(super) fn functions(image: &[u8]) -> anyhow::Result<Vec<(Range<u64>, String)>> {
    let file = object::File::parse(image)?;
    let mut functions = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        functions
            .insert(symbol.address(), (symbol.address()..symbol.address() + symbol.size(), symbol.name()?.to_owned()));
    }
    Ok(functions.into_values().collect())
}

/// A call or jump to a fixed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The address of the instruction.
    pub(super) from: u64,
    pub(super) to: u64,
}

/// Returns the calls and jumps of an image for x86_64 whose target fulfils `is_wanted`: with a 32-bit distance, or through an
/// address in the program.
///
/// Instructions are not decoded: any byte may start one. Bytes that are no call could only look like a call of a wanted function
/// by accident.
pub(super) fn calls(image: &[u8], is_wanted: impl Fn(u64) -> bool) -> anyhow::Result<Vec<Call>> {
    let file = object::File::parse(image)?;
    let slots = slots(&file)?;
    let mut calls = Vec::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        for (offset, bytes) in section.data()?.windows(6).enumerate() {
            let (length, distance, is_direct) = match *bytes {
                [0xe8 | 0xe9, a, b, c, d, _] => (5, [a, b, c, d], true),
                [0x0f, 0x80..=0x8f, a, b, c, d] => (6, [a, b, c, d], true),
                [0xff, 0x15 | 0x25, a, b, c, d] => (6, [a, b, c, d], false),
                _ => continue,
            };
            let from = section.address() + offset as u64;
            let at = (from + length).wrapping_add_signed(i32::from_le_bytes(distance).into());
            let to = if is_direct { Some(at) } else { slots.get(&at).copied() };
            calls.extend(to.filter(|&to| is_wanted(to)).map(|to| Call { from, to }));
        }
    }
    Ok(calls)
}

/// Returns the addresses of functions in the global offset table, by where they are.
fn slots(file: &object::File<'_>) -> anyhow::Result<HashMap<u64, u64>> {
    let mut slots = HashMap::new();
    for section in file.sections().filter(|section| section.name().is_ok_and(|name| name.starts_with(".got"))) {
        for (index, bytes) in section.data()?.as_chunks().0.iter().enumerate() {
            slots.insert(section.address() + 8 * index as u64, u64::from_le_bytes(*bytes));
        }
    }
    // A program that can be loaded anywhere has them as relocations.
    let relocations = file.dynamic_relocations().into_iter().flatten();
    slots.extend(relocations.map(|(at, relocation)| (at, relocation.addend() as u64)));
    Ok(slots)
}
