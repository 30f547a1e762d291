//! Devices and modules.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Token, braced};

use super::features::Features;
use super::fields::{Fields, Registers, Struct};
use super::parser::{self, Docs, Number, Section};
use super::queues::Queues;
use super::requests::Request;
use super::shared_memory::SharedMemoryRegions;
use super::values::{Bits, Const, Enum};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::{CNames, Name};

/// A device type, for instance `device balloon = 5 { … }`. 5 is the virtio device id.
///
/// The braces contain `features`, `queues`, `config` and `shared_memory`, each at most once, and any number of [`Member`]s. The C names start
/// with `VIRTIO_BALLOON`; `device block = 2 as "VIRTIO_BLK" { … }` sets another prefix.
#[derive(Clone, Debug)]
pub struct Device {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The virtio device id, or `None` if there is a syntax error before it.
    pub id: Option<Number>,
    /// The prefix of the C names, if it is not `VIRTIO_` and the name.
    pub prefix: CNames,
    /// `features { … }`
    pub features: Option<Features>,
    /// `queues { … }`
    pub queues: Option<Queues>,
    /// `config { … }`: the configuration space.
    pub config: Option<Fields>,
    /// `shared_memory { … }`
    pub shared_memory: Option<SharedMemoryRegions>,
    /// The other items.
    pub members: Vec<Member>,
    /// The place of the opening brace.
    pub body: Span,
}

/// A group of members that do not belong to a device: `module ring { … }`.
#[derive(Clone, Debug)]
pub struct Module {
    /// The documentation.
    pub docs: Docs,
    /// The name.
    pub name: Name,
    /// The items.
    pub members: Vec<Member>,
    /// The place of the opening brace.
    pub body: Span,
}

/// An item in a device or a module.
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
    /// `request name { … }`
    Request(Request),
}

impl Device {
    const KEYWORDS: [&str; 11] = [
        "features",
        "queues",
        "config",
        "shared_memory",
        "registers",
        "packed",
        "struct",
        "enum",
        "bits",
        "const",
        "request",
    ];

    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let start = input.span();
        let header = (|| {
            let name = Name::parse(input)?;
            input.parse::<Token![=]>()?;
            Ok((name, Number::parse(input)?, parser::alias(input)?))
        })();
        let (name, id, prefix) = match header {
            Ok((name, id, prefix)) => (name, Some(id), prefix),
            // The braces are checked all the same.
            Err(error) if parser::skip_to_braces(input) => {
                diagnostics.push_syntax(error);
                (Name { text: "unnamed".into(), span: start }, None, CNames::default())
            }
            Err(error) => return Err(error),
        };
        let content;
        let body = braced!(content in input).span.open();
        let (mut features, mut queues, mut config, mut members) = (None, None, None, Vec::new());
        let mut shared_memory = None;
        items(&content, diagnostics, |docs, keyword, input, diagnostics| {
            let at = keyword.span;
            match keyword.text.as_str() {
                "features" => once(&mut features, keyword, Features::parse(at, input, diagnostics)?, diagnostics),
                "queues" => once(&mut queues, keyword, Queues::parse(at, input, diagnostics)?, diagnostics),
                "config" => once(&mut config, keyword, Fields::parse(at, input, diagnostics)?, diagnostics),
                "shared_memory" => {
                    let regions = SharedMemoryRegions::parse(at, input, diagnostics)?;
                    once(&mut shared_memory, keyword, regions, diagnostics);
                }
                _ => match Member::parse(docs, keyword, input, diagnostics)? {
                    Some(member) => members.push(member),
                    None => {
                        diagnostics.push(parser::unknown_keyword(keyword, &Self::KEYWORDS, "in a device"));
                        parser::skip_item(input);
                    }
                },
            }
            Ok(())
        })?;
        Ok(Self { docs, name, id, prefix, features, queues, config, shared_memory, members, body })
    }
}

impl Module {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let name = Name::parse(input)?;
        let content;
        let body = braced!(content in input).span.open();
        let mut members = Vec::new();
        items(&content, diagnostics, |docs, keyword, input, diagnostics| {
            match Member::parse(docs, keyword, input, diagnostics)? {
                Some(member) => members.push(member),
                None => {
                    diagnostics.push(parser::unknown_keyword(keyword, &Member::KEYWORDS, "in a module"));
                    parser::skip_item(input);
                }
            }
            Ok(())
        })?;
        Ok(Self { docs, name, members, body })
    }
}

impl Member {
    /// Returns the name of the member.
    pub fn name(&self) -> &Name {
        match self {
            Self::Registers(registers) => &registers.name,
            Self::Struct(structure) => &structure.name,
            Self::Enum(values) => &values.name,
            Self::Bits(bits) => &bits.name,
            Self::Const(constant) => &constant.name,
            Self::Request(request) => &request.name,
        }
    }

    pub(crate) const KEYWORDS: [&str; 7] = ["registers", "packed", "struct", "enum", "bits", "const", "request"];

    /// Parses a member after its keyword. Returns `None` if the keyword does not start a member.
    fn parse(
        docs: Docs,
        keyword: &Name,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Option<Self>> {
        Ok(Some(match keyword.text.as_str() {
            "registers" => Self::Registers(Registers::parse(docs, input, diagnostics)?),
            "struct" => Self::Struct(Struct::parse(docs, None, input, diagnostics)?),
            "packed" => {
                input.parse::<Token![struct]>()?;
                Self::Struct(Struct::parse(docs, Some(keyword.span), input, diagnostics)?)
            }
            "enum" => Self::Enum(Enum::parse(docs, input, diagnostics)?),
            "bits" => Self::Bits(Bits::parse(docs, input, diagnostics)?),
            "const" => Self::Const(Const::parse(docs, input)?),
            "request" => Self::Request(Request::parse(docs, input, diagnostics)?),
            _ => return Ok(None),
        }))
    }
}

/// Parses items up to the closing brace. An invalid item is reported and skipped.
fn items(
    input: ParseStream<'_>,
    diagnostics: &mut Diagnostics,
    mut item: impl FnMut(Docs, &Name, ParseStream<'_>, &mut Diagnostics) -> syn::Result<()>,
) -> syn::Result<()> {
    while !input.is_empty() {
        let result = Docs::parse(input).and_then(|docs| {
            let keyword = Name::parse(input)?;
            item(docs, &keyword, input, diagnostics)
        });
        if let Err(error) = result {
            diagnostics.push_syntax(error);
            parser::skip_item(input);
        }
    }
    Ok(())
}

/// Stores a section. A second section with the same keyword is reported and dropped.
fn once<T: Section>(slot: &mut Option<T>, keyword: &Name, section: T, diagnostics: &mut Diagnostics) {
    match slot {
        Some(first) => diagnostics.push(
            Diagnostic::new(keyword.span, format!("duplicate `{}` in a device", keyword.text))
                .label(first.keyword_span(), "first defined here"),
        ),
        None => *slot = Some(section),
    }
}
