//! Requests: what a driver puts into a queue, and the answer of the device.

use syn::parse::ParseStream;
use syn::{Token, braced};

use super::fields::Fields;
use super::parser::{self, Docs};
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
/// this value of an enum.
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
}

impl Request {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let (mut alias, mut queues) = (CNames::default(), None);
        loop {
            if let Some(span) = parser::word(input, "on")? {
                let first = Name::parse(input)?;
                let others = parser::alternatives(input)?;
                parser::once(&mut queues, [vec![first], others].concat(), span, "on")?;
            } else if !parser::alias_once(input, &mut alias)? {
                break;
            }
        }
        let content;
        braced!(content in input);
        let (mut readable, mut writable) = (None, None);
        while !content.is_empty() {
            let part = Name::parse(&content)?;
            let slot = match part.text.as_str() {
                "readable" => &mut readable,
                "writable" => &mut writable,
                _ => {
                    diagnostics.push(parser::unknown_keyword(&part, &["readable", "writable"], "in a request"));
                    parser::skip_item(&content);
                    continue;
                }
            };
            let fields = Fields::parse(part.span, &content, diagnostics)?;
            if content.peek(Token![,]) {
                content.parse::<Token![,]>()?;
            }
            if slot.is_some() {
                let message = format!("duplicate `{}` in a request", part.text);
                diagnostics.push(Diagnostic::new(part.span, message));
                continue;
            }
            *slot = Some(fields);
        }
        Ok(Self { docs, name, alias, queues: queues.unwrap_or_default(), readable, writable })
    }
}
