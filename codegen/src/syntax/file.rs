//! A whole description.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};

use super::device::{Device, Member, Module};
use super::features::Features;
use super::parser::{self, Docs};
use super::skipped::Skipped;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::Name;

/// A description: a list of items. `//!` comments at the top are for readers of the description only.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The items, in order.
    pub items: Vec<Item>,
    /// Members at the top level. They are an error, and are checked all the same.
    pub misplaced: Vec<Member>,
    /// What is missing from the list.
    pub skipped: Skipped,
}

/// An item at the top level of a description. It becomes a module of the same name.
#[derive(Clone, Debug)]
pub enum Item {
    /// `device name = id { … }`
    Device(Box<Device>),
    /// `module name { … }`
    Module(Module),
    /// `features reserved { … }`: the features that all device types share.
    Reserved(Docs, Name, Features),
}

impl File {
    /// Parses a description. Invalid parts are reported and left out.
    pub fn parse(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let (mut items, mut misplaced, mut skipped) = (Vec::new(), Vec::new(), Skipped::default());
        let all = tokens.clone();
        let result = (|input: ParseStream<'_>| {
            Docs::parse_inner(input)?;
            skipped = parser::items(input, diagnostics, |docs, keyword, input, diagnostics| {
                if Member::KEYWORDS.contains(&keyword.text.as_str()) {
                    diagnostics.push(
                        Diagnostic::new(keyword.span, format!("`{}` is not allowed at the top level", keyword.text))
                            .help("move it into a `device name = id { … }` or a `module name { … }`"),
                    );
                    misplaced.extend(Member::parse(docs, &keyword.text, keyword.span, input, diagnostics)?);
                    return Ok(true);
                }
                let item = Item::parse(docs, keyword, input, diagnostics)?;
                let is_parsed = item.is_some();
                items.extend(item);
                Ok(is_parsed)
            });
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = result {
            diagnostics.push_syntax(error);
        }
        if !misplaced.is_empty() {
            // It is unknown which item they belong to.
            skipped.add_names(all);
        }
        Self { items, misplaced, skipped }
    }
}

impl Item {
    /// Returns the name of the module.
    pub fn name(&self) -> &Name {
        match self {
            Self::Device(device) => &device.name,
            Self::Module(module) => &module.name,
            Self::Reserved(_, name, _) => name,
        }
    }

    const KEYWORDS: [&str; 3] = ["device", "module", "features"];

    /// Returns the names of the structures, enums and bit fields.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Name> {
        let members = match self {
            Self::Device(device) => &device.members[..],
            Self::Module(module) => &module.members[..],
            Self::Reserved(..) => &[],
        };
        let is_type = |member: &&Member| matches!(member, Member::Struct(_) | Member::Enum(_) | Member::Bits(_));
        members.iter().filter(is_type).map(Member::name)
    }

    /// Returns what the parser skipped in the item.
    pub(crate) fn skipped(&self) -> Vec<&Skipped> {
        match self {
            Self::Device(device) => device.skipped(),
            Self::Module(module) => module.skipped(),
            Self::Reserved(_, _, features) => vec![&features.skipped],
        }
    }

    /// Parses an item after its keyword. Returns `None` if the keyword does not start an item.
    fn parse(
        docs: Docs,
        keyword: &Name,
        input: ParseStream<'_>,
        diagnostics: &mut Diagnostics,
    ) -> syn::Result<Option<Self>> {
        let known = parser::keyword(keyword, &Self::KEYWORDS, "at the top level", diagnostics);
        Ok(Some(match known.unwrap_or_default() {
            "device" => Self::Device(Box::new(Device::parse(docs, input, diagnostics)?)),
            "module" => Self::Module(Module::parse(docs, input, diagnostics)?),
            "features" => {
                let name = Name::parse(input)?;
                if name.text != "reserved" {
                    diagnostics.push(
                        Diagnostic::new(name.span, format!("expected `reserved`, found `{}`", name.text))
                            .help("declare the features of a device type in its `device name = id { … }`"),
                    );
                }
                Self::Reserved(docs, name.clone(), Features::parse(name.span, input, diagnostics)?)
            }
            _ => return Ok(None),
        }))
    }
}
