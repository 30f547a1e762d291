//! Devices and modules.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Token, braced};

use super::features::{Features, Queues};
use super::fields::{Fields, Registers, Struct};
use super::lex::{self, Docs, Number};
use super::values::{Bits, Const, Enum};
use crate::mistake::{Mistake, Mistakes};
use crate::name::Name;

/// A device type: `device balloon = 5 { … }`, where 5 is the virtio device id.
///
/// Inside stand, each at most once, `features`, `queues` and `config`, and any number of [`Member`]s. The C names are
/// made with the prefix `VIRTIO_BALLOON`; `device block = 2 as "VIRTIO_BLK" { … }` gives another prefix.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// Its device id.
    pub id: Number,
    /// The prefix of its C names, where it is not `VIRTIO_` and the name.
    pub prefix: Option<String>,
    /// `features { … }`
    pub features: Option<Features>,
    /// `queues { … }`
    pub queues: Option<Queues>,
    /// `config { … }`: the device's configuration space.
    pub config: Option<Fields>,
    /// Everything else.
    pub members: Vec<Member>,
    /// Where the braces are.
    pub body: Span,
}

/// A group of members that belong to no device: `module ring { … }`.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its documentation.
    pub docs: Docs,
    /// Its name.
    pub name: Name,
    /// What is inside.
    pub members: Vec<Member>,
    /// Where the braces are.
    pub body: Span,
}

/// What can stand in a device or in a module.
#[derive(Clone, Debug)]
pub enum Member {
    /// `registers name { … }`
    Registers(Registers),
    /// `struct name { … }` and `packed struct name { … }`
    Struct(Struct),
    /// `enum name: u16 { … }`
    Enum(Enum),
    /// `bits name: u8 { … }`
    Bits(Bits),
    /// `const name: u32 = 7;`
    Const(Const),
}

impl Device {
    const KEYWORDS: [&str; 9] =
        ["features", "queues", "config", "registers", "packed", "struct", "enum", "bits", "const"];

    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        input.parse::<Token![=]>()?;
        let id = Number::parse(input)?;
        let prefix = lex::alias(input)?;
        let content;
        let body = braced!(content in input).span.open();
        let (mut features, mut queues, mut config, mut members) = (None, None, None, Vec::new());
        items(&content, mistakes, |docs, keyword, input, mistakes| {
            let at = keyword.span;
            match keyword.text.as_str() {
                "features" => once(&mut features, keyword, Features::parse(at, input, mistakes)?, mistakes),
                "queues" => once(&mut queues, keyword, Queues::parse(at, input, mistakes)?, mistakes),
                "config" => once(&mut config, keyword, Fields::parse(at, input, mistakes)?, mistakes),
                _ => match Member::parse(docs, keyword, input, mistakes)? {
                    Some(member) => members.push(member),
                    None => {
                        mistakes.push(lex::unknown_keyword(keyword, &Self::KEYWORDS, "in a device"));
                        lex::skip_item(input);
                    }
                },
            }
            Ok(())
        })?;
        Ok(Self { docs, name, id, prefix, features, queues, config, members, body })
    }
}

impl Module {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let content;
        let body = braced!(content in input).span.open();
        let mut members = Vec::new();
        items(&content, mistakes, |docs, keyword, input, mistakes| {
            match Member::parse(docs, keyword, input, mistakes)? {
                Some(member) => members.push(member),
                None => {
                    mistakes.push(lex::unknown_keyword(keyword, &Member::KEYWORDS, "in a module"));
                    lex::skip_item(input);
                }
            }
            Ok(())
        })?;
        Ok(Self { docs, name, members, body })
    }
}

impl Member {
    pub(crate) const KEYWORDS: [&str; 6] = ["registers", "packed", "struct", "enum", "bits", "const"];

    /// Reads what follows the keyword, where it is the keyword of a member.
    fn parse(docs: Docs, keyword: &Name, input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Option<Self>> {
        Ok(Some(match keyword.text.as_str() {
            "registers" => Self::Registers(Registers::parse(docs, input, mistakes)?),
            "struct" => Self::Struct(Struct::parse(docs, None, input, mistakes)?),
            "packed" => {
                input.parse::<Token![struct]>()?;
                Self::Struct(Struct::parse(docs, Some(keyword.span), input, mistakes)?)
            }
            "enum" => Self::Enum(Enum::parse(docs, input, mistakes)?),
            "bits" => Self::Bits(Bits::parse(docs, input, mistakes)?),
            "const" => Self::Const(Const::parse(docs, input)?),
            _ => return Ok(None),
        }))
    }
}

/// Reads items to the end of the braces. A wrong one is reported and skipped.
fn items(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut item: impl FnMut(Docs, &Name, ParseStream<'_>, &mut Mistakes) -> syn::Result<()>,
) -> syn::Result<()> {
    while !input.is_empty() {
        let result = Docs::parse(input).and_then(|docs| {
            let keyword = Name::parse(input)?;
            item(docs, &keyword, input, mistakes)
        });
        if let Err(error) = result {
            mistakes.push_syntax(error);
            lex::skip_item(input);
        }
    }
    Ok(())
}

/// Keeps a section that may stand once only.
fn once<T: Spanned>(slot: &mut Option<T>, keyword: &Name, section: T, mistakes: &mut Mistakes) {
    match slot {
        Some(first) => mistakes.push(
            Mistake::new(keyword.span, format!("`{}` stands twice in this device", keyword.text))
                .see(first.span(), "the first is here"),
        ),
        None => *slot = Some(section),
    }
}

/// A section that knows where its keyword is.
pub(crate) trait Spanned {
    fn span(&self) -> Span;
}
