//! Enums, with a variant for unknown values.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{Enum, Int};

impl Target {
    /// Emits a Rust enum with its conversions.
    pub(super) fn enumeration(&self, values: &Enum) -> TokenStream {
        let parts = Parts {
            name: self.camel(&values.name),
            int: values.repr,
            repr: int(values.repr),
            names: values.variants.iter().map(|variant| self.camel(&variant.name)).collect(),
            numbers: values.variants.iter().map(|variant| number(variant.value)).collect(),
            other: self.other_values(values),
        };
        let (definition, conversions) = (parts.definition(values, self.place(&values.name)), parts.conversions());
        let (impls, display) = (self.conversion_impls(&parts), self.display(values, &parts));
        quote! {
            #definition
            #conversions
            #impls
            #display
        }
    }

    /// Emits the conversions as impls of `From`.
    fn conversion_impls(&self, parts: &Parts) -> TokenStream {
        let Parts { name, repr, .. } = parts;
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        let represented = self.represented(name, parts.int, &quote!(to_raw));
        quote! {
            #represented

            impl #core::convert::From<#repr> for #name {
                fn from(raw: #repr) -> Self {
                    Self::from_raw(raw)
                }
            }

            impl #core::convert::From<#name> for #repr {
                fn from(value: #name) -> Self {
                    value.to_raw()
                }
            }
        }
    }

    /// Emits the impl of `Display`, which writes the names of the description.
    fn display(&self, values: &Enum, Parts { name, names, other, .. }: &Parts) -> TokenStream {
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        let texts = values.variants.iter().map(|variant| &variant.name.text);
        let OtherValues { name: other, format, .. } = other;
        quote! {
            impl #core::fmt::Display for #name {
                fn fmt(&self, f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result {
                    f.pad(match self {
                        #(Self::#names => #texts,)*
                        Self::#other(raw) => return #core::write!(f, #format, raw),
                    })
                }
            }
        }
    }

    /// Returns the variant for all other values.
    fn other_values(&self, values: &Enum) -> OtherValues {
        match &values.other {
            Some(other) => {
                let fact = format!("`{}`: all other values.", other.name.text);
                let docs = docs(&other.docs, &[fact], &other.alias);
                let format = format!("{} ({{}})", other.name.text);
                OtherValues { name: self.camel(&other.name), docs, format }
            }
            None => {
                let name = Ident::new("Unknown", Span::mixed_site());
                let docs = quote!(#[doc = " A value that the description does not define."]);
                OtherValues { name, docs, format: "unknown ({})".to_owned() }
            }
        }
    }
}

/// The parts of the generated enum that several of its items use.
struct Parts {
    name: Ident,
    int: Int,
    repr: TokenStream,
    /// The variants with a value, without the one for all other values.
    names: Vec<Ident>,
    numbers: Vec<Literal>,
    other: OtherValues,
}

/// The variant for all values that the description does not define.
struct OtherValues {
    name: Ident,
    docs: TokenStream,
    /// The format string of its `Display`.
    format: String,
}

impl Parts {
    /// Emits the enum itself.
    fn definition(&self, values: &Enum, place: Option<String>) -> TokenStream {
        let Self { name, repr, names, other, .. } = self;
        let fact = format!("`{}`: stored as `{}`.", values.name.text, values.repr.name());
        let facts: Vec<String> = [fact].into_iter().chain(place).collect();
        let enum_docs = docs(&values.docs, &facts, &values.alias);
        let variants = values.variants.iter().zip(names).map(|(variant, name)| {
            let fact = format!("`{}`: {}.", variant.name.text, variant.value);
            let docs = docs(&variant.docs, &[fact], &variant.alias);
            quote!(#docs #name)
        });
        let OtherValues { name: other, docs: other_docs, .. } = other;
        quote! {
            #enum_docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants,)*
                #other_docs
                #other(#repr),
            }
        }
    }

    /// Emits the list of values and the `const` conversions.
    fn conversions(&self) -> TokenStream {
        let Self { name, repr, names, numbers, other: OtherValues { name: other, .. }, .. } = self;
        let from_raw_docs = format!(
            " Converts a number. Numbers that the description does not define become [`{other}`](Self::{other})."
        );
        quote! {
            impl #name {
                /// All defined values, in the order of the description.
                pub const ALL: &'static [Self] = &[#(Self::#names),*];

                #[doc = #from_raw_docs]
                #[allow(unreachable_patterns)]
                pub const fn from_raw(raw: #repr) -> Self {
                    match raw {
                        #(#numbers => Self::#names,)*
                        other => Self::#other(other),
                    }
                }

                /// Returns the number.
                pub const fn to_raw(self) -> #repr {
                    match self {
                        #(Self::#names => #numbers,)*
                        Self::#other(raw) => raw,
                    }
                }
            }
        }
    }
}
