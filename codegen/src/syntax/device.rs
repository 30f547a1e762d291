//! Devices and modules.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Token, braced};

use super::features::Features;
use super::fields::{Fields, Registers, Struct};
use super::number::Number;
use super::parser::{self, Docs, Section};
use super::queues::Queues;
use super::requests::Request;
use super::shared_memory::SharedMemoryRegions;
use super::skipped::Skipped;
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
    /// What is missing from the items.
    pub skipped: Skipped,
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
    /// What is missing from the items.
    pub skipped: Skipped,
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
        let (mut name, mut id, mut prefix) = (Name::missing(input.span()), None, CNames::default());
        let mut shift = None;
        parser::header(input, diagnostics, |input| {
            name = Name::parse(input)?;
            input.parse::<Token![=]>()?;
            let (number, error) = Number::plain(input, "a device id")?;
            (id, shift) = (Some(number), error);
            prefix = parser::alias(input)?;
            Ok(())
        })?;
        shift.into_iter().for_each(|error| diagnostics.push(error));
        let content;
        let body = braced!(content in input).span.open();
        let (mut features, mut queues, mut config, mut members) = (None, None, None, Vec::new());
        let mut shared_memory = None;
        let skipped = parser::items(&content, diagnostics, |docs, keyword, input, diagnostics| {
            let Some(known) = parser::keyword(keyword, &Self::KEYWORDS, "in a device", diagnostics) else {
                return Ok(false);
            };
            let at = keyword.span;
            match known {
                "features" => once(&mut features, known, Features::parse(at, input, diagnostics)?, diagnostics),
                "queues" => once(&mut queues, known, Queues::parse(at, input, diagnostics)?, diagnostics),
                "config" => once(&mut config, known, Fields::parse_named(at, input, diagnostics)?, diagnostics),
                "shared_memory" => {
                    let regions = SharedMemoryRegions::parse(at, input, diagnostics)?;
                    once(&mut shared_memory, known, regions, diagnostics);
                }
                _ => members.extend(Member::parse(docs, known, at, input, diagnostics)?),
            }
            Ok(true)
        });
        Ok(Self { docs, name, id, prefix, features, queues, config, shared_memory, members, skipped, body })
    }

    /// Returns what the parser skipped in the device.
    pub(super) fn skipped(&self) -> Vec<&Skipped> {
        let sections = [
            self.features.as_ref().map(|features| &features.skipped),
            self.queues.as_ref().map(|queues| &queues.skipped),
            self.config.as_ref().map(|config| &config.skipped),
            self.shared_memory.as_ref().map(|regions| &regions.skipped),
            Some(&self.skipped),
        ];
        sections.into_iter().flatten().chain(self.members.iter().flat_map(Member::skipped)).collect()
    }
}

impl Module {
    pub(crate) fn parse(docs: Docs, input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Self> {
        let mut name = Name::missing(input.span());
        parser::header(input, diagnostics, |input| {
            name = Name::parse(input)?;
            Ok(())
        })?;
        let content;
        let body = braced!(content in input).span.open();
        let mut members = Vec::new();
        let skipped = parser::items(&content, diagnostics, |docs, keyword, input, diagnostics| {
            let Some(known) = parser::keyword(keyword, &Member::KEYWORDS, "in a module", diagnostics) else {
                return Ok(false);
            };
            members.extend(Member::parse(docs, known, keyword.span, input, diagnostics)?);
            Ok(true)
        });
        Ok(Self { docs, name, members, skipped, body })
    }

    /// Returns what the parser skipped in the module.
    pub(super) fn skipped(&self) -> Vec<&Skipped> {
        [&self.skipped].into_iter().chain(self.members.iter().flat_map(Member::skipped)).collect()
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

    /// Returns what the parser skipped in the member.
    fn skipped(&self) -> Vec<&Skipped> {
        match self {
            Self::Registers(registers) => registers.fields.all_skipped(),
            Self::Struct(structure) => structure.fields.all_skipped(),
            Self::Enum(values) => vec![&values.skipped],
            Self::Bits(bits) => vec![&bits.skipped],
            Self::Const(_) => Vec::new(),
            Self::Request(request) => request.all_skipped(),
        }
    }

    /// Parses a member after its keyword. Returns `None` if the keyword does not start a member.
    pub(super) fn parse(
        docs: Docs,
        keyword: &str,
        span: Span,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Option<Self>> {
        Ok(Some(match keyword {
            "registers" => Self::Registers(Registers::parse(docs, input, diagnostics)?),
            "struct" => Self::Struct(Struct::parse(docs, None, input, diagnostics)?),
            "packed" => {
                if input.parse::<Token![struct]>().is_err() {
                    diagnostics.push(Diagnostic::new(input.span(), "expected `struct` after `packed`"));
                }
                Self::Struct(Struct::parse(docs, Some(span), input, diagnostics)?)
            }
            "enum" => Self::Enum(Enum::parse(docs, input, diagnostics)?),
            "bits" => Self::Bits(Bits::parse(docs, input, diagnostics)?),
            "const" => Self::Const(Const::parse(docs, input, diagnostics)?),
            "request" => Self::Request(Request::parse(docs, input, diagnostics)?),
            _ => return Ok(None),
        }))
    }
}

/// Stores a section. A second section with the same keyword is reported and dropped.
fn once<T: Section>(slot: &mut Option<T>, keyword: &str, section: T, diagnostics: &mut Diagnostics) {
    match slot {
        Some(first) => diagnostics.push(
            Diagnostic::new(section.keyword_span(), format!("duplicate `{keyword}` in a device"))
                .label(first.keyword_span(), "first defined here"),
        ),
        None => *slot = Some(section),
    }
}
