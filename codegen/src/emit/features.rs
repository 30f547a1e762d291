//! Features: the mask with names, a type for each, and the set with a level for each.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::{Target, int, number};
use crate::model::{Feature, Int};

impl Target {
    /// All that is made from a list of features that belong to `owner`.
    pub(super) fn features(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let prelude = self.prelude();
        let mask = self.feature_bits(features);
        let types = features.iter().map(|feature| self.feature(feature, features, owner));
        let table = self.feature_table(features, owner);
        quote! {
            #mask

            /// The features, each as a type.
            pub mod feature {
                #prelude

                #(#types)*
                #table
            }

            #[doc(hidden)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct Features;
        }
    }

    /// `FeatureBits`: the mask, with a method for each feature.
    fn feature_bits(&self, features: &[Feature]) -> TokenStream {
        let krate = &self.krate;
        let mut next = 0;
        let mut fields = TokenStream::new();
        for feature in features {
            fields.extend(padding(next, feature.bit, Int::U64));
            next = feature.bit + 1;
            let name = self.ident(&feature.name, &feature.name.text);
            let docs = docs(&feature.docs, &[format!("`{}`", feature.c_name)], &[]);
            fields.extend(quote!(#docs pub #name: bool,));
        }
        fields.extend(padding(next, 64, Int::U64));
        quote! {
            /// The features as a mask.
            #[#krate::__private::bitfield(u64)]
            #[derive(PartialEq, Eq, Hash)]
            pub struct FeatureBits {
                #fields
            }
        }
    }

    /// The type of one feature.
    fn feature(&self, feature: &Feature, all: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&feature.name);
        let (bit, c_name) = (number(feature.bit.into()), &feature.c_name);
        let index = index(krate, feature.bit);
        let requires = mask(feature.requires);
        let names = |mask: u64| -> Vec<String> {
            let others = all.iter().filter(|other| mask & (1 << other.bit) != 0);
            others.map(|other| format!("[`{}`]", other.name.camel())).collect()
        };
        let all_of = Some(names(feature.requires).join(" and ")).filter(|names| !names.is_empty());
        let one_of = feature.requires_any.iter().map(|group| names(*group).join(" or "));
        // What most features do not say is left to the default of the trait.
        let requires_any = (!feature.requires_any.is_empty()).then(|| {
            let groups = feature.requires_any.iter().map(|group| mask(*group));
            quote!(const REQUIRES_ANY: &'static [u64] = &[#(#groups),*];)
        });
        let mut facts = vec![format!("`{c_name}`, bit {}.", feature.bit)];
        facts.extend(
            all_of.into_iter().chain(one_of).map(|names| format!("May be accepted only together with {names}.")),
        );
        let docs = docs(&feature.docs, &facts, &[Some(c_name.as_str()), feature.alias.as_deref()]);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The list of the features, which stands in the module `feature`.
    fn feature_table(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let names = features.iter().map(|feature| self.camel(&feature.name));
        quote! {
            impl #krate::FeatureTable for super::Features {
                type Owner = #owner;
                const ENTRIES: &'static [#krate::FeatureEntry] = &[#(#krate::FeatureEntry::new::<#names>()),*];
            }
        }
    }
}

/// A bit number as the type that `aerostat-spec` looks requirements up by.
fn index(krate: &TokenStream, bit: u32) -> TokenStream {
    let digit = |value: u32| Ident::new(&format!("Digit{value}"), Span::call_site());
    let (row, column) = (digit(bit / 8), digit(bit % 8));
    quote!((#krate::__private::digit::#row, #krate::__private::digit::#column))
}

/// Nameless bits from `next` up to `end`.
pub(super) fn padding(next: u32, end: u32, repr: Int) -> Option<TokenStream> {
    let width = end.checked_sub(next).filter(|width| *width > 0)?;
    let (width, repr) = (number(width.into()), int(repr));
    Some(quote!(#[bits(#width)] __: #repr,))
}

/// A mask as a number in hexadecimal.
fn mask(value: u64) -> TokenStream {
    format!("{value:#x}").parse().unwrap_or_default()
}
