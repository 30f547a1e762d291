//! Features: a bit field for the mask, a type for each feature, and a list of all.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit::bits::padding;
use crate::emit::docs::docs;
use crate::emit::target::{Target, number};
use crate::model::{Feature, Int};

impl Target {
    /// Emits everything for the features of `owner`.
    pub(super) fn features(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let prelude = self.prelude();
        let mask = self.feature_bits(features);
        let types = features.iter().map(|feature| match feature.is_negotiable() {
            true => self.feature(feature, features, owner),
            false => self.high_feature(feature, features),
        });
        let table = self.feature_table(features, owner);
        quote! {
            #mask

            /// The features. Each is a type.
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

    /// Emits `FeatureBits`, the mask.
    fn feature_bits(&self, features: &[Feature]) -> TokenStream {
        let krate = &self.krate;
        let mut next = 0;
        let mut fields = TokenStream::new();
        for feature in features.iter().filter(|feature| feature.is_negotiable()) {
            fields.extend(padding(next, feature.bit, Int::U64));
            next = feature.bit + 1;
            let name = self.ident(&feature.name, &feature.name.text);
            let docs = docs(&feature.docs, &[format!("`{}`", feature.c_name)], &[]);
            fields.extend(quote!(#docs pub #name: bool,));
        }
        fields.extend(padding(next, 64, Int::U64));
        quote! {
            /// A mask of features.
            #[#krate::__private::bitfield(u64)]
            #[derive(PartialEq, Eq, Hash)]
            pub struct FeatureBits {
                #fields
            }
        }
    }

    /// Emits the type of a feature.
    fn feature(&self, feature: &Feature, all: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&feature.name);
        let (bit, c_name) = (number(feature.bit.into()), &feature.c_name);
        let index = index(krate, feature.bit);
        let requires = mask(feature.requires);
        // The trait has a default for the usual case.
        let requires_any = (!feature.requires_any.is_empty()).then(|| {
            let groups = feature.requires_any.iter().map(|group| mask(*group));
            quote!(const REQUIRES_ANY: &'static [u64] = &[#(#groups),*];)
        });
        let mut facts = vec![format!("`{c_name}`, bit {}.", feature.bit)];
        facts.extend(prerequisites(feature, all));
        facts.extend(self.place(&feature.name));
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

    /// Emits the type of a feature that negotiation does not reach.
    fn high_feature(&self, feature: &Feature, all: &[Feature]) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&feature.name);
        let (bit, c_name) = (number(feature.bit.into()), &feature.c_name);
        let mut facts = vec![
            format!("`{c_name}`, bit {}.", feature.bit),
            "Negotiation does not reach bits above 63 yet, so a driver cannot declare this feature.".to_owned(),
        ];
        facts.extend(prerequisites(feature, all));
        facts.extend(self.place(&feature.name));
        let docs = docs(&feature.docs, &facts, &[Some(c_name.as_str()), feature.alias.as_deref()]);
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct #name;

            impl #krate::HighFeature for #name {
                const BIT: u32 = #bit;
                const NAME: &'static str = #c_name;
            }
        }
    }

    /// Emits the list of the features, inside the module `feature`.
    fn feature_table(&self, features: &[Feature], owner: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let names = features.iter().filter(|feature| feature.is_negotiable()).map(|feature| self.camel(&feature.name));
        quote! {
            impl #krate::FeatureTable for super::Features {
                type Owner = #owner;
                const ENTRIES: &'static [#krate::FeatureEntry] = &[#(#krate::FeatureEntry::new::<#names>()),*];
            }
        }
    }
}

/// The type for a bit number. `aerostat-spec` uses it to look up requirements.
fn index(krate: &TokenStream, bit: u32) -> TokenStream {
    let digit = |value: u32| Ident::new(&format!("Digit{value}"), Span::call_site());
    let (row, column) = (digit(bit / 8), digit(bit % 8));
    quote!((#krate::__private::digit::#row, #krate::__private::digit::#column))
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
