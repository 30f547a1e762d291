//! Sets of values that survive a value which the description does not know.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::{Target, int, number};
use crate::model::Enum;

impl Target {
    /// The Rust enum with its conversions.
    pub(super) fn enumeration(&self, values: &Enum) -> TokenStream {
        let core = {
            let krate = &self.krate;
            quote!(#krate::__private::core)
        };
        let (name, repr) = (self.camel(&values.name), int(values.repr));
        let fact = format!("`{}`: stored as `{}`.", values.name.text, values.repr.name());
        let enum_docs = docs(&values.docs, &[fact], &[values.alias.as_deref()]);
        let names: Vec<_> = values.variants.iter().map(|variant| self.camel(&variant.name)).collect();
        let texts: Vec<_> = values.variants.iter().map(|variant| &variant.name.text).collect();
        let numbers: Vec<_> = values.variants.iter().map(|variant| number(variant.value)).collect();
        let variants = values.variants.iter().zip(&names).map(|(variant, name)| {
            let fact = format!("`{}`: {}.", variant.name.text, variant.value);
            let docs = docs(&variant.docs, &[fact], &[variant.alias.as_deref()]);
            quote!(#docs #name)
        });
        quote! {
            #enum_docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum #name {
                #(#variants,)*
                /// A number that the description does not know.
                Unknown(#repr),
            }

            impl #name {
                /// All values that the description knows, in its order.
                pub const ALL: &'static [Self] = &[#(Self::#names),*];

                /// The value of a number. [`Unknown`](Self::Unknown) only where the description does not know it.
                #[allow(unreachable_patterns)]
                pub const fn from_raw(raw: #repr) -> Self {
                    match raw {
                        #(#numbers => Self::#names,)*
                        unknown => Self::Unknown(unknown),
                    }
                }

                /// The number of the value.
                pub const fn to_raw(self) -> #repr {
                    match self {
                        #(Self::#names => #numbers,)*
                        Self::Unknown(raw) => raw,
                    }
                }
            }

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

            impl #core::fmt::Display for #name {
                fn fmt(&self, f: &mut #core::fmt::Formatter<'_>) -> #core::fmt::Result {
                    match self {
                        #(Self::#names => f.pad(#texts),)*
                        Self::Unknown(raw) => #core::write!(f, "unknown ({raw})"),
                    }
                }
            }
        }
    }
}
