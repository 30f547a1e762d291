//! Features.

use proc_macro2::Span;
use syn::Token;
use syn::parse::ParseStream;

use super::clauses::EntryKind;
use super::number::Number;
use super::parser::{self, Docs, Section};
use super::skipped::Skipped;
use crate::diagnostic::Diagnostics;
use crate::name::{CNames, Name};

/// Feature bits: `features { must_tell_host = 0, stats_vq = 1 }` in a device, and `features reserved { … }` at the top
/// level for the features of all device types.
#[derive(Clone, Debug)]
pub struct Features {
    /// The place of the keyword.
    pub span: Span,
    /// The features, in order.
    pub entries: Vec<Feature>,
    /// What is missing from the list.
    pub skipped: Skipped,
}

/// A feature, for instance `stats_vq = 1`. 1 is the number of the feature bit.
///
/// With `guest_tso4 = 7 requires guest_csum` the feature is accepted only if `guest_csum` is. `requires a + b` requires all
/// the features, `requires a or b` at least one. `as "C_NAME"` gives a second C name.
#[derive(Clone, Debug)]
pub struct Feature {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The number of the bit.
    pub bit: Number,
    /// The features that this one requires.
    pub requires: Vec<Name>,
    /// Groups of features. This feature requires at least one feature of each group.
    pub requires_any: Vec<Vec<Name>>,
    /// Further names in C.
    pub alias: CNames,
}

impl Features {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (entries, skipped) = parser::entries(input, EntryKind::Feature, diagnostics, Feature::parse)?;
        Ok(Self { span, entries, skipped })
    }
}

impl Feature {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        if input.peek(Token![,]) || input.is_empty() {
            // The comma may also be meant for a list of required features.
            let message = format!(
                "missing bit number of the feature `{}`: expected `=` and a number (separate required features with `+`)",
                name.text
            );
            return Err(syn::Error::new(name.span, message));
        }
        input.parse::<Token![=]>()?;
        let bit = Number::feature_bit(input, diagnostics)?;
        let (mut requires, mut requires_any, mut alias) = (Vec::new(), Vec::new(), CNames::default());
        loop {
            if parser::word(input, "requires")?.is_some() {
                match Requires::parse(input)? {
                    Requires::All(names) => requires.extend(names),
                    Requires::Any(names) => requires_any.push(names),
                }
            } else if !parser::alias_once(input, &mut alias)? {
                return Ok(Self { docs, name, bit, requires, requires_any, alias });
            }
        }
    }

    /// Returns all features in the `requires` clauses.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Name> {
        self.requires.iter().chain(self.requires_any.iter().flatten())
    }
}

/// The features after the word `requires`.
enum Requires {
    /// `a + b`
    All(Vec<Name>),
    /// `a or b`
    Any(Vec<Name>),
}

impl Requires {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut names = vec![Name::parse(input)?];
        names.extend(parser::alternatives(input)?);
        let requires = if names.len() > 1 {
            Self::Any(names)
        } else {
            while input.peek(Token![+]) {
                input.parse::<Token![+]>()?;
                names.push(Name::parse(input)?);
            }
            Self::All(names)
        };
        if input.peek(Token![+]) || parser::peek_word(input, "or") {
            return Err(input.error("cannot mix `+` and `or`: use a separate `requires` for each"));
        }
        Ok(requires)
    }
}

impl Section for Features {
    fn keyword_span(&self) -> Span {
        self.span
    }
}
