//! Numbers.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::token::Paren;
use syn::{Ident, LitByte, LitChar, LitFloat, LitInt, Token};

use crate::diagnostic::{Diagnostic, Diagnostics};

/// A number: a Rust integer literal in any base, for instance `40`, `0x100`, `0b1010` or `1_000`.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The value of the number.
    pub value: u64,
    /// The place of the number.
    pub span: Span,
}

impl Number {
    /// Parses `7` or `1 << 4`.
    pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let base = Self::literal(input)?;
        match Self::shift(input)? {
            Some(shift) => base.shifted(shift),
            None => Ok(base),
        }
    }

    /// Parses `<< 4` if it comes next.
    fn shift(input: ParseStream<'_>) -> syn::Result<Option<Self>> {
        if !input.peek(Token![<<]) {
            return Ok(None);
        }
        input.parse::<Token![<<]>()?;
        Self::literal(input).map(Some)
    }

    fn shifted(self, shift: Self) -> syn::Result<Self> {
        let places = u32::try_from(shift.value).ok();
        let value = places.and_then(|places| self.value.checked_shl(places)).filter(|value| {
            // A shift that loses bits is a mistake.
            places.is_some_and(|places| value >> places == self.value)
        });
        let message = "the number does not fit into 64 bits";
        let value = value.ok_or_else(|| syn::Error::new(shift.span, message))?;
        Ok(Self { value, span: self.span.join(shift.span).unwrap_or(self.span) })
    }

    /// Parses the bits of a part of `bits`: `4`, or `1 << 4` for the mask that C headers have. Another mask is reported. Returns the lowest
    /// bit, and the end of the bits of a mask of several.
    pub(super) fn bit(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<(Self, Option<Self>)> {
        let base = Self::literal(input)?;
        let Some(shift) = Self::shift(input)? else { return Ok((base, None)) };
        if base.value == 1 {
            return Ok((shift, None));
        }
        let low = Self { value: shift.value.saturating_add(lowest_bit(base.value)), span: shift.span };
        let end = low.value.saturating_add(u64::from(base.value.count_ones()));
        // Whether the ones of the mask are without gaps.
        let is_range = base.value != 0 && (base.value >> base.value.trailing_zeros()).wrapping_add(1).is_power_of_two();
        let help = match is_range && !input.peek(Token![..]) {
            true if end == low.value.saturating_add(1) => format!("write the number of the bit: `{}`", low.value),
            true => format!("write the bits as a range: `{}..{end}`", low.value),
            false => "write the number of the bit, or a range such as `4..12`".into(),
        };
        let message = "the left side of a shift in `bits` must be 1";
        diagnostics.push(Diagnostic::new(base.span, message).help(help));
        Ok((low, is_range.then_some(Self { value: end, span: low.span })))
    }

    /// Parses the number of a feature bit. A shift would be the mask of the bit, and is reported.
    pub(super) fn feature_bit(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        Self::reject_calculation(input, "write the number of the bit, such as `4`")?;
        let base = Self::literal(input)?;
        let Some(shift) = Self::shift(input)? else { return Ok(base) };
        let bit = Self { value: shift.value.saturating_add(lowest_bit(base.value)), span: shift.span };
        let help = match base.value.is_power_of_two() {
            true => format!("write the number of the bit: `{}`", bit.value),
            false => "write the number of the bit, such as `4`".into(),
        };
        let message = "a shift is not allowed as the number of a feature bit";
        diagnostics.push(Diagnostic::new(base.span.join(shift.span).unwrap_or(base.span), message).help(help));
        Ok(bit)
    }

    /// Parses a number that is not a mask, such as the index of a queue. Returns the error for a shift.
    pub(super) fn plain(input: ParseStream<'_>, what: &str) -> syn::Result<(Self, Option<Diagnostic>)> {
        Self::reject_calculation(input, "write the result")?;
        let base = Self::literal(input)?;
        let Some(shift) = Self::shift(input)? else { return Ok((base, None)) };
        let number = base.shifted(shift)?;
        let error = Diagnostic::new(number.span, format!("a shift is not allowed as {what}"));
        Ok((number, Some(error.help(format!("write the result: `{}`", number.value)))))
    }

    /// Returns an error for a macro or parentheses where a shift is not allowed.
    fn reject_calculation(input: ParseStream<'_>, advice: &str) -> syn::Result<()> {
        let what = if input.peek(Paren) {
            "parentheses are not supported in numbers"
        } else if input.peek(Ident::peek_any) && input.peek2(Paren) {
            "macros are not supported as numbers"
        } else {
            return Ok(());
        };
        Err(input.error(format!("{what}: {advice}")))
    }

    /// Returns the message for something that is a number in other languages.
    fn unsupported(input: ParseStream<'_>) -> Option<&'static str> {
        Some(if input.peek(Token![-]) || input.peek(Token![!]) || input.peek(Token![~]) {
            "negative and inverted numbers are not supported: write the unsigned number with the same bits"
        } else if input.peek(LitFloat) {
            "numbers with a decimal point are not supported: write an integer"
        } else if input.peek(LitChar) || input.peek(LitByte) {
            "characters are not supported as numbers: write the code, such as 0x41 for `A`"
        } else if input.peek(Ident::peek_any) && input.peek2(Paren) {
            "macros are not supported as numbers: write `1 << 4` for `BIT(4)`"
        } else if input.peek(Paren) {
            "parentheses are not supported in numbers: write the result, or a shift such as `1 << 4`"
        } else if input.peek(Ident::peek_any) {
            "expected a number; a name is not supported here"
        } else {
            return None;
        })
    }

    fn literal(input: ParseStream<'_>) -> syn::Result<Self> {
        if let Some(message) = Self::unsupported(input) {
            return Err(input.error(message));
        }
        let literal: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), "expected a number"))?;
        if !literal.suffix().is_empty() {
            return Err(syn::Error::new(literal.span(), "type suffixes are not allowed on numbers"));
        }
        let value = literal.base10_parse();
        let value = value.map_err(|_| syn::Error::new(literal.span(), "the number does not fit into 64 bits"))?;
        Ok(Self { value, span: literal.span() })
    }
}

/// Returns the number of the lowest bit of a mask, or 0 if it has none.
fn lowest_bit(mask: u64) -> u64 {
    if mask == 0 { 0 } else { u64::from(mask.trailing_zeros()) }
}
