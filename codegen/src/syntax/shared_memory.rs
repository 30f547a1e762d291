//! Shared memory regions.

use proc_macro2::Span;
use syn::Token;
use syn::parse::ParseStream;

use super::clauses::EntryKind;
use super::number::Number;
use super::parser::{self, Docs, Section};
use super::skipped::Skipped;
use crate::diagnostic::Diagnostics;
use crate::name::{CNames, Name};

/// The shared memory regions of a device: `shared_memory { host_visible = 1 if resource_blob }`.
#[derive(Clone, Debug)]
pub struct SharedMemoryRegions {
    /// The place of the keyword.
    pub span: Span,
    /// The regions, in order.
    pub entries: Vec<SharedMemory>,
    /// What is missing from the list.
    pub skipped: Skipped,
}

/// A shared memory region. The number is its id.
#[derive(Clone, Debug)]
pub struct SharedMemory {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The id.
    pub id: Number,
    /// The feature that the region depends on.
    pub condition: Option<Name>,
    /// The names in C.
    pub alias: CNames,
}

impl SharedMemoryRegions {
    pub(super) fn parse(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (entries, skipped) = parser::entries(input, EntryKind::SharedMemory, diagnostics, SharedMemory::parse)?;
        Ok(Self { span, entries, skipped })
    }
}

impl SharedMemory {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let (id, error) = Number::plain(input, "the id of a shared memory region")?;
        error.into_iter().for_each(|error| diagnostics.push(error));
        let (mut condition, mut alias) = (None, CNames::default());
        loop {
            if let Some(span) = parser::word(input, "if")? {
                let feature = parser::one_feature(input, "a shared memory region", diagnostics)?;
                parser::once(&mut condition, feature, span, "if")?;
            } else if !parser::alias_once(input, &mut alias)? {
                return Ok(Self { docs, name, id, condition, alias });
            }
        }
    }
}

impl Section for SharedMemoryRegions {
    fn keyword_span(&self) -> Span {
        self.span
    }
}
