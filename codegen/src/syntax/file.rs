//! A whole description.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};

use super::device::{Device, Module};
use super::features::Features;
use super::parser::{self, Docs};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::Name;

/// A description: a list of items. `//!` comments at the top are for readers of the description only.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The items, in order.
    pub items: Vec<Item>,
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
        let mut items = Vec::new();
        let result = (|input: ParseStream<'_>| {
            Docs::parse_inner(input)?;
            while !input.is_empty() {
                match Item::parse(input, diagnostics) {
                    Ok(item) => items.extend(item),
                    Err(error) => {
                        diagnostics.push_syntax(error);
                        parser::skip_item(input);
                    }
                }
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = result {
            diagnostics.push_syntax(error);
        }
        Self { items }
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

    fn parse(input: ParseStream<'_>, diagnostics: &mut Diagnostics) -> syn::Result<Option<Self>> {
        let docs = Docs::parse(input)?;
        let keyword = Name::parse(input)?;
        Ok(Some(match keyword.text.as_str() {
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
            _ => {
                let mut error = parser::unknown_keyword(&keyword, &Self::KEYWORDS, "at the top level");
                if super::device::Member::KEYWORDS.contains(&keyword.text.as_str()) {
                    error.message = format!("`{}` is not allowed at the top level", keyword.text);
                    error = error.help("move it into a `device name = id { … }` or a `module name { … }`");
                }
                diagnostics.push(error);
                parser::skip_item(input);
                return Ok(None);
            }
        }))
    }
}
