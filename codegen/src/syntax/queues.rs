//! Queues.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Ident, LitInt, Token};

use super::clauses::EntryKind;
use super::number::Number;
use super::parser::{self, Docs, Section};
use super::skipped::Skipped;
use crate::diagnostic::Diagnostics;
use crate::name::{CNames, Name};

/// The queues of a device: `queues { inflate = 0, deflate = 1, stats = 2 if stats_vq }`.
#[derive(Clone, Debug)]
pub struct Queues {
    /// The place of the keyword.
    pub span: Span,
    /// The queues, in order.
    pub entries: Vec<Queue>,
    /// What is missing from the list.
    pub skipped: Skipped,
}

/// A queue, for instance `inflate = 0`, or queues of the same kind, for instance `request = 2..`.
///
/// `stats = 2 if stats_vq` exists only with the feature. `receive = 0 writable` says that the device writes the buffers of the
/// queue, `readable` that it reads them.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The index.
    pub index: QueueIndex,
    /// `from 1`: the first `n` of several queues.
    pub from: Option<Number>,
    /// `count num_queues`: the field of the configuration space with the number of queues.
    pub count: Option<Name>,
    /// The word `readable`.
    pub readable: Option<Span>,
    /// The word `writable`.
    pub writable: Option<Span>,
    /// The feature that the queue depends on.
    pub condition: Option<Name>,
    /// The names in C.
    pub alias: CNames,
}

/// The index of a queue.
#[derive(Clone, Debug)]
pub enum QueueIndex {
    /// `= 2`
    Fixed(Number),
    /// Several queues: `= 2..`, or `= 2n + 1` for `n` from 0 on. The index is `scale * n + offset`.
    Each {
        /// The distance of two queues.
        scale: Number,
        /// The index of the queue with `n` 0.
        offset: Number,
    },
    /// A queue whose index depends on the configuration: `= 2 * max_pairs`, `= max_queues + 1`.
    Computed {
        /// The factor of the field.
        scale: Number,
        /// The field of the configuration space.
        field: Name,
        /// What is added.
        offset: Number,
    },
}

impl Queues {
    pub(crate) fn parse(span: Span, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (entries, skipped) = parser::entries(input, EntryKind::Queue, diagnostics, Queue::parse)?;
        Ok(Self { span, entries, skipped })
    }
}

impl Queue {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let docs = Docs::parse(input)?;
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let index = QueueIndex::parse(input, diagnostics)?;
        let (mut from, mut count, mut readable, mut writable) = (None, None, None, None);
        let (mut condition, mut alias) = (None, CNames::default());
        loop {
            if let Some(span) = parser::word(input, "if")? {
                let feature = parser::one_feature(input, "a queue", diagnostics)?;
                parser::once(&mut condition, feature, span, "if")?;
            } else if let Some(span) = parser::word(input, "from")? {
                parser::once(&mut from, number(input, diagnostics)?, span, "from")?;
            } else if let Some(span) = parser::word(input, "count")? {
                parser::once(&mut count, Name::parse(input)?, span, "count")?;
            } else if let Some(span) = parser::word(input, "readable")? {
                parser::once(&mut readable, span, span, "readable")?;
            } else if let Some(span) = parser::word(input, "writable")? {
                parser::once(&mut writable, span, span, "writable")?;
            } else if !parser::alias_once(input, &mut alias)? {
                return Ok(Self { docs, name, index, from, count, readable, writable, condition, alias });
            }
        }
    }
}

impl QueueIndex {
    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let one = |span| Number { value: 1, span };
        if input.peek(Ident::peek_any) && !input.peek2(syn::token::Paren) {
            let field = Name::parse(input)?;
            return match field.text.as_str() {
                "n" | "N" => {
                    Ok(Self::Each { scale: one(field.span), offset: Self::offset(input, field.span, diagnostics)? })
                }
                _ => {
                    let offset = Self::offset(input, field.span, diagnostics)?;
                    Ok(Self::Computed { scale: one(field.span), offset, field })
                }
            };
        }
        if let Some(scale) = Self::factor_of_n(input)? {
            return Ok(Self::Each { offset: Self::offset(input, scale.span, diagnostics)?, scale });
        }
        let number = number(input, diagnostics)?;
        if input.peek(Token![*]) {
            input.parse::<Token![*]>()?;
            let field = Name::parse(input)?;
            let offset = Self::offset(input, field.span, diagnostics)?;
            return match field.text.as_str() {
                "n" | "N" => Ok(Self::Each { scale: number, offset }),
                _ => Ok(Self::Computed { scale: number, field, offset }),
            };
        }
        if !input.peek(Token![..]) {
            return Ok(Self::Fixed(number));
        }
        let span = input.parse::<Token![..]>()?.spans[0];
        if input.peek(LitInt) || (input.peek(Ident::peek_any) && !is_clause(input)) {
            let message = "a range of queues has no end: write `2..`, and `count` with the field of the configuration \
                           space that has the number of queues";
            return Err(input.error(message));
        }
        Ok(Self::Each { scale: one(span), offset: number })
    }

    /// Parses `2n`, which Rust's lexer sees as a number with a suffix.
    fn factor_of_n(input: ParseStream<'_>) -> syn::Result<Option<Number>> {
        let ahead = input.fork();
        let Ok(literal) = ahead.parse::<LitInt>() else { return Ok(None) };
        if !matches!(literal.suffix(), "n" | "N") {
            return Ok(None);
        }
        input.parse::<LitInt>()?;
        let value = literal.base10_digits().parse();
        let value = value.map_err(|_| syn::Error::new(literal.span(), "the number does not fit into 64 bits"))?;
        Ok(Some(Number { value, span: literal.span() }))
    }

    /// Parses `+ 1` if it comes next.
    fn offset(input: ParseStream<'_>, span: Span, diagnostics: &mut Diagnostics) -> syn::Result<Number> {
        if !input.peek(Token![+]) {
            return Ok(Number { value: 0, span });
        }
        input.parse::<Token![+]>()?;
        number(input, diagnostics)
    }
}

/// Parses a number of an index. A shift is reported.
fn number(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Number> {
    let (number, error) = Number::plain(input, "the index of a queue")?;
    error.into_iter().for_each(|error| diagnostics.push(error));
    Ok(number)
}

/// Returns whether a clause of a queue comes next.
fn is_clause(input: ParseStream<'_>) -> bool {
    EntryKind::Queue.clauses().iter().any(|word| parser::peek_word(input, word))
}

impl Section for Queues {
    fn keyword_span(&self) -> Span {
        self.span
    }
}
