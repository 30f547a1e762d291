//! The whole of a description.

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};

use super::device::{Device, Module};
use super::features::Features;
use super::lex::{self, Docs};
use crate::mistake::{Mistake, Mistakes};
use crate::name::Name;

/// A description: a list of items. `//!` at its top is for its readers only.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The items in order.
    pub items: Vec<Item>,
}

/// An item at the top of a description. Each makes a module of the same name.
#[derive(Clone, Debug)]
pub enum Item {
    /// `device name = id { … }`
    Device(Device),
    /// `module name { … }`
    Module(Module),
    /// `features reserved { … }`: the features that all device types share.
    Reserved(Docs, Name, Features),
}

impl File {
    /// Reads a description. What is wrong is added to the mistakes and left out of the result.
    pub fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut items = Vec::new();
        let result = (|input: ParseStream<'_>| {
            Docs::parse_inner(input)?;
            while !input.is_empty() {
                match Item::parse(input, mistakes) {
                    Ok(item) => items.extend(item),
                    Err(error) => {
                        mistakes.push_syntax(error);
                        lex::skip_item(input);
                    }
                }
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(error) = result {
            mistakes.push_syntax(error);
        }
        Self { items }
    }
}

impl Item {
    const KEYWORDS: [&str; 3] = ["device", "module", "features"];

    fn parse(input: ParseStream<'_>, mistakes: &mut Mistakes) -> syn::Result<Option<Self>> {
        let docs = Docs::parse(input)?;
        let keyword = Name::parse(input)?;
        Ok(Some(match keyword.text.as_str() {
            "device" => Self::Device(Device::parse(docs, input, mistakes)?),
            "module" => Self::Module(Module::parse(docs, input, mistakes)?),
            "features" => {
                let name = Name::parse(input)?;
                if name.text != "reserved" {
                    mistakes.push(
                        Mistake::new(name.span, format!("expected `reserved`, found `{}`", name.text))
                            .help("the features of a device type stand in its `device name = id { … }`"),
                    );
                }
                Self::Reserved(docs, name.clone(), Features::parse(name.span, input, mistakes)?)
            }
            _ => {
                let mut mistake = lex::unknown_keyword(&keyword, &Self::KEYWORDS, "at the top of a description");
                if super::device::Member::KEYWORDS.contains(&keyword.text.as_str()) {
                    mistake.message = format!("`{}` cannot stand at the top of a description", keyword.text);
                    mistake = mistake.help("put it into a `device name = id { … }` or a `module name { … }`");
                }
                mistakes.push(mistake);
                lex::skip_item(input);
                return Ok(None);
            }
        }))
    }
}
