//! Features and queues.

use proc_macro2::Span;
use syn::Token;
use syn::parse::ParseStream;

use super::device::Spanned;
use super::lex::{self, Docs, Number};
use crate::mistake::Mistakes;
use crate::name::Name;

/// Feature bits: `features { must_tell_host = 0, stats_vq = 1 }` in a device, and `features reserved { … }` at the
/// top of a description for those that are independent of the device type.
#[derive(Clone, Debug)]
pub struct Features {
    /// Where the keyword is.
    pub span: Span,
    /// The features in order.
    pub entries: Vec<Feature>,
}

/// A feature: `stats_vq = 1`, where 1 is the number of its bit.
///
/// `guest_tso4 = 7 requires guest_csum` says that the feature may be accepted only together with the other one;
/// `requires a + b` names several, `requires a or b` several of which one is enough. `as "C_NAME"` gives a second C name.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its bit.
    pub bit: Number,
    /// The features that it needs.
    pub requires: Vec<Name>,
    /// Groups of features of each of which it needs one.
    pub requires_any: Vec<Vec<Name>>,
    /// A second C name.
    pub alias: Option<String>,
}

/// The queues of a device: `queues { inflate = 0, deflate = 1, stats = 2 if stats_vq }`.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Where the keyword is.
    pub span: Span,
    /// The queues in order.
    pub entries: Vec<Queue>,
}

/// A queue: `inflate = 0`, where 0 is its number; `stats = 2 if stats_vq` exists only with that feature.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its number.
    pub index: Number,
    /// The feature that it exists with.
    pub guard: Option<Name>,
    /// A C name.
    pub alias: Option<String>,
}

impl Features {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        Ok(Self { span, entries: lex::entries(input, mistakes, Feature::parse)? })
    }
}

impl Feature {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        if input.peek(Token![,]) || input.is_empty() {
            let message = format!(
                "the feature `{}` has no bit: expected `=` and a number (to require several features, join them \
                 with `+`)",
                name.text
            );
            return Err(syn::Error::new(name.span, message));
        }
        input.parse::<Token![=]>()?;
        let bit = Number::parse(input)?;
        let (mut requires, mut requires_any, mut alias) = (Vec::new(), Vec::new(), None);
        loop {
            if lex::word(input, "requires")?.is_some() {
                let first = Name::parse(input)?;
                let others = lex::alternatives(input)?;
                if others.is_empty() {
                    requires.push(first);
                    while input.peek(Token![+]) {
                        input.parse::<Token![+]>()?;
                        requires.push(Name::parse(input)?);
                    }
                } else {
                    requires_any.push([vec![first], others].concat());
                }
                if input.peek(Token![+]) || lex::peek_word(input, "or") {
                    return Err(input.error("`+` and `or` cannot be mixed: write `requires` once for each"));
                }
            } else if !lex::alias_once(input, &mut alias)? {
                return Ok(Self { docs, name, bit, requires, requires_any, alias });
            }
        }
    }
}

impl Feature {
    /// All features that it names, whether it needs each or one of several.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &Name> {
        self.requires.iter().chain(self.requires_any.iter().flatten())
    }
}

impl Queues {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        Ok(Self { span, entries: lex::entries(input, mistakes, Queue::parse)? })
    }
}

impl Queue {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let index = Number::parse(input)?;
        let (mut guard, mut alias) = (None, None);
        loop {
            if let Some(span) = lex::word(input, "if")? {
                lex::once(&mut guard, Name::parse(input)?, span, "if")?;
                if lex::peek_word(input, "or") {
                    return Err(input.error("a queue depends on one feature only"));
                }
            } else if !lex::alias_once(input, &mut alias)? {
                return Ok(Self { docs, name, index, guard, alias });
            }
        }
    }
}

impl Spanned for Features {
    fn span(&self) -> Span {
        self.span
    }
}

impl Spanned for Queues {
    fn span(&self) -> Span {
        self.span
    }
}
