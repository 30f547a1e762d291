//! Clauses of entries, and entries that cannot have them.

use proc_macro2::TokenTree;
use syn::Token;
use syn::parse::ParseStream;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::foreign;
use crate::name::Name;

/// The kind of the entries of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Feature,
    Queue,
    SharedMemory,
    Field,
    UnionEntry,
    Value,
    BitField,
}

impl EntryKind {
    /// The name in messages.
    fn name(self) -> &'static str {
        match self {
            Self::Feature => "a feature",
            Self::Queue => "a queue",
            Self::SharedMemory => "a shared memory region",
            Self::Field => "a field",
            Self::UnionEntry => "an entry of a union",
            Self::Value => "a value of an enum",
            Self::BitField => "a part of a bit field",
        }
    }

    /// The clauses that the parser of the entry accepts. The parser of a field reports the others.
    pub(super) fn clauses(self) -> &'static [&'static str] {
        match self {
            Self::Feature => &["as", "requires"],
            Self::Queue => &["as", "if", "from", "count", "readable", "writable"],
            Self::SharedMemory => &["as", "if"],
            Self::Field => &[],
            Self::UnionEntry => &["if"],
            Self::Value | Self::BitField => &["as"],
        }
    }
}

/// Returns whether a clause comes next.
pub(super) fn is_next(input: ParseStream<'_>) -> bool {
    Name::parse(&input.fork()).is_ok_and(|word| foreign::clause_help(&word.text).is_some())
}

/// Reports and skips a clause that comes next, if these entries cannot have it. Returns whether there is one.
pub(super) fn misplaced(input: ParseStream<'_>, kind: EntryKind, diagnostics: &mut Diagnostics) -> syn::Result<bool> {
    let ahead = input.fork();
    let clause = match (ahead.parse::<Option<Token![@]>>()?, Name::parse(&ahead)) {
        (Some(at), _) => Name { text: "@".into(), span: at.span },
        (None, Ok(word)) => word,
        (None, Err(_)) => return Ok(false),
    };
    let Some(help) = foreign::clause_help(&clause.text) else { return Ok(false) };
    // A word can also be the name of the next entry, if only the comma is missing. A value of an enum can be only a name.
    let has_argument = !["read", "write", "setup", "readable", "writable"].contains(&clause.text.as_str());
    let is_name = match has_argument {
        true => input.peek2(Token![=]) || input.peek2(Token![:]) || input.peek2(Token![,]),
        false => kind == EntryKind::Value,
    };
    if clause.text != "@" && is_name {
        return Ok(false);
    }
    input.parse::<TokenTree>()?;
    if has_argument && !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
        while Name::parse(&input.fork()).is_ok_and(|word| word.text == "or") {
            input.parse::<TokenTree>()?;
            input.parse::<TokenTree>()?;
        }
    }
    // A clause behind one that is not allowed can be allowed.
    if !kind.clauses().contains(&clause.text.as_str()) {
        let message = format!("`{}` is not allowed after {}", clause.text, kind.name());
        diagnostics.push(Diagnostic::new(clause.span, message).help(help));
    }
    Ok(true)
}
