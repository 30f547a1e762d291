//! Requests: what a driver puts into a queue, and the answer of the device.

use syn::parse::ParseStream;
use syn::{Token, braced};

use super::fields::Fields;
use super::parser::{self, Docs};
use super::skipped::Skipped;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::{CNames, Name};

/// A request, for instance `request read on requests { readable { header: header } writable { data: [u8], status: status } }`.
///
/// The device reads the `readable` part and writes the `writable` part. One of them can be missing. The fields follow each other
/// without padding. In addition to the types of structures, a field can be an array whose length is not fixed:
///
/// * `[u8]`: the driver chooses the length of each request.
/// * `[u8; config.cdb_size]`: the field `cdb_size` of the configuration space gives the length.
/// * `[u8; count]`: the field `count` of the request gives the length.
///
/// `on a or b` names the queues that the request goes into. Without it, the request goes into any queue of the device whose
/// buffers have its parts.
///
/// `if feature` is for fields that exist only with a feature, and `= 7` or `= flush` for fields that always have this number or
/// this value of an enum. `= 0` is also for arrays of integers with a fixed length.
///
/// `writable as "resp_read" { … }` gives the structure in C that is only this part.
#[derive(Clone, Debug)]
pub struct Request {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The names in C.
    pub alias: CNames,
    /// The queues after `on`. If there is no `on`, the list is empty.
    pub queues: Vec<Name>,
    /// The part that the device reads.
    pub readable: Option<Fields>,
    /// The part that the device writes.
    pub writable: Option<Fields>,
    /// What is missing from the parts.
    pub skipped: Skipped,
}

impl Request {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let (mut name, mut alias, mut queues) = (Name::missing(input.span()), CNames::default(), None);
        parser::header(input, diagnostics, |input| {
            name = Name::parse(input)?;
            loop {
                if let Some(span) = parser::word(input, "on")? {
                    let first = Name::parse(input)?;
                    let others = parser::alternatives(input)?;
                    parser::once(&mut queues, [vec![first], others].concat(), span, "on")?;
                } else if input.peek(Token![,]) {
                    return Err(input.error("several queues are separated by `or`: write `on first or second`"));
                } else if !parser::alias_once(input, &mut alias)? {
                    return Ok(());
                }
            }
        })?;
        let content;
        braced!(content in input);
        let (mut readable, mut writable) = (None, None);
        let skipped = parser::items(&content, diagnostics, |docs, part, input, diagnostics| {
            if !docs.0.is_empty() {
                let message = format!("documentation is not allowed before `{}`", part.text);
                diagnostics.push(Diagnostic::new(part.span, message).help("document the request or the fields"));
            }
            let known = parser::keyword(part, &["readable", "writable"], "in a request", diagnostics);
            let slot = match known {
                Some("readable") => &mut readable,
                Some(_) => &mut writable,
                None => return Ok(false),
            };
            let fields = Fields::parse_named(part.span, input, diagnostics)?;
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
            if slot.is_some() {
                let message = format!("duplicate `{}` in a request", part.text);
                diagnostics.push(Diagnostic::new(part.span, message));
                return Ok(true);
            }
            *slot = Some(fields);
            Ok(true)
        });
        Ok(Self { docs, name, alias, queues: queues.unwrap_or_default(), readable, writable, skipped })
    }

    /// Returns what the parser skipped in the request.
    pub(super) fn all_skipped(&self) -> Vec<&Skipped> {
        let parts = [&self.readable, &self.writable].into_iter().flatten();
        [&self.skipped].into_iter().chain(parts.flat_map(Fields::all_skipped)).collect()
    }
}
