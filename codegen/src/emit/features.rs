//! Features: a type for each feature, a list of all, and the type of their masks.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::target::{Target, number};
use crate::model::{FIRST_HIGH_BIT, Feature};

impl Target {
    /// Emits everything for the features of `owner`.
    pub(super) fn features(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let prelude = self.prelude();
        let krate = &self.krate;
        let types = features.iter().map(|feature| self.feature(feature, features, owner));
        let table = self.feature_table(features, owner);
        quote! {
            /// A mask of features.
            pub type FeatureBits = #krate::FeatureMask<Features>;

            /// The features. Each is a type.
            pub mod feature {
                #prelude

                #(#types)*
                #table
            }

            #[doc(hidden)]
            #[derive(Clone, Copy, Debug, Default)]
            pub struct Features;
        }
    }

    /// Emits the type of a feature.
    fn feature(&self, feature: &Feature, all: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&feature.name);
        let (bit, c_name) = (number(feature.bit.into()), &feature.c_name);
        let index = index(krate, feature.bit);
        let requires = mask(low(feature.requires));
        // The trait has a default for the usual case.
        let groups: Vec<TokenStream> =
            feature.requires_any.iter().filter(|group| **group == low(**group)).map(|group| mask(*group)).collect();
        let requires_any = (!groups.is_empty()).then(|| quote!(const REQUIRES_ANY: &'static [u64] = &[#(#groups),*];));
        let mut facts = vec![format!("`{c_name}`, bit {}.", feature.bit)];
        facts.extend(prerequisites(feature, all));
        facts.extend(self.place(&feature.name));
        let docs = docs(&feature.docs, &facts, &feature.alias.with_first(c_name));
        let derives = Self::marker_derives(false);
        quote! {
            #docs
            #derives
            pub struct #name;

            impl #krate::Feature for #name {
                type Owner = #owner;
                type Index = #index;
                const BIT: u32 = #bit;
                const NAME: &'static str = #c_name;
                const REQUIRES: u64 = #requires;
                #requires_any
            }
        }
    }

    /// Emits the list of the features, inside the module `feature`.
    fn feature_table(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let low = features.iter().filter(|feature| !feature.is_high()).map(|feature| self.camel(&feature.name));
        // The trait has a default for the usual case.
        let (wide, high) = match features.iter().any(Feature::is_high) {
            true => (Some(self.wide_entries(features)), quote!(#krate::__private::WideBits)),
            false => (None, quote!(())),
        };
        quote! {
            impl #krate::FeatureTable for super::Features {
                type Owner = #owner;
                const ENTRIES: &'static [#krate::FeatureEntry] = &[#(#krate::FeatureEntry::new::<#low>()),*];
                #wide
                type High = #high;
            }
        }
    }

    /// Emits the list of all features of a device that has bits above 63.
    fn wide_entries(&self, features: &[Feature]) -> TokenStream {
        let krate = &self.krate;
        let entries = features.iter().map(|feature| {
            let name = self.camel(&feature.name);
            let requires = mask(feature.requires);
            let requires_any = feature.requires_any.iter().map(|group| mask(*group));
            quote! {
                #krate::__private::WideEntry {
                    bit: <#name as #krate::Feature>::BIT,
                    name: <#name as #krate::Feature>::NAME,
                    requires: #requires,
                    requires_any: &[#(#requires_any),*],
                }
            }
        });
        quote!(const WIDE: &'static [#krate::__private::WideEntry] = &[#(#entries),*];)
    }
}

/// The type for a bit number. `aerostat-spec` uses it to look up requirements.
fn index(krate: &TokenStream, bit: u32) -> TokenStream {
    let digit = |value: u32| Ident::new(&format!("Digit{value}"), Span::call_site());
    let (row, column) = (digit(bit / 8 % 8), digit(bit % 8));
    let high = (bit >= FIRST_HIGH_BIT).then(|| quote!(#krate::__private::digit::High,));
    quote!((#high #krate::__private::digit::#row, #krate::__private::digit::#column))
}

/// The documentation of the features that a feature requires: one sentence for each condition.
fn prerequisites(feature: &Feature, all: &[Feature]) -> Vec<String> {
    let links = |mask: u128, separator: &str| {
        let features = all.iter().filter(|other| mask & (1 << other.bit) != 0);
        features.map(|other| format!("[`{}`]", other.name.camel())).collect::<Vec<_>>().join(separator)
    };
    let all_of = (feature.requires != 0).then(|| links(feature.requires, " and "));
    let any_of = feature.requires_any.iter().map(|group| links(*group, " or "));
    all_of.into_iter().chain(any_of).map(|links| format!("Requires {links}.")).collect()
}

/// A mask as a hexadecimal literal.
fn mask(value: u128) -> TokenStream {
    format!("{value:#x}").parse().unwrap_or_default()
}

/// Returns the part of a mask with bits 0 to 63.
const fn low(mask: u128) -> u128 {
    mask & u64::MAX as u128
}
