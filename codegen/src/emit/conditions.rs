//! Items that depend on features: constructors that take a proof, and documentation.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::target::Target;
use crate::model::Condition;
use crate::name::Name;

impl Target {
    /// Emits the constructor of an item that depends on a feature.
    ///
    /// The private field has a name, so that the type is not a tuple struct. If a user writes the name of a tuple struct as a
    /// value, rustc's message is about its constructor function.
    pub(super) fn given(&self, condition: &Condition, name: &Name) -> TokenStream {
        let krate = &self.krate;
        let (name, feature) = (self.camel(name), self.camel(&condition.name));
        let doc =
            format!(" Makes the value from the proof that [`{feature}`](super::feature::{feature}) was negotiated.");
        quote! {
            impl #name {
                #[doc = #doc]
                pub const fn given(_proof: #krate::Negotiated<super::feature::#feature>) -> Self {
                    Self { negotiated: () }
                }
            }
        }
    }

    /// Emits the constructor of an item that exists with any of several features.
    pub(super) fn given_any(&self, conditions: &[Condition], name: &Name) -> TokenStream {
        let krate = &self.krate;
        let doc = format!(" Makes the value from the proof that {} was negotiated.", any(conditions));
        let gives = self.gives(conditions, name);
        let name = self.camel(name);
        quote! {
            impl #name {
                #[doc = #doc]
                pub const fn given<F: #krate::__private::described::Gives<Self>>(_proof: #krate::Negotiated<F>) -> Self {
                    Self { negotiated: () }
                }
            }

            #gives
        }
    }

    /// Emits the impls that connect an item with the features that give access to it, if there are several.
    pub(super) fn gives(&self, conditions: &[Condition], name: &Name) -> TokenStream {
        let (krate, name) = (&self.krate, self.camel(name));
        let features = conditions.iter().filter(|_| conditions.len() > 1).map(|condition| self.camel(&condition.name));
        quote!(#(impl #krate::__private::described::Gives<#name> for super::feature::#features {})*)
    }
}

/// Links to the features, joined by "or".
pub(super) fn any(conditions: &[Condition]) -> String {
    let links = conditions
        .iter()
        .map(|condition| condition.name.camel())
        .map(|name| format!("[`{name}`](super::feature::{name})"));
    links.collect::<Vec<_>>().join(" or ")
}

/// The documentation of an item that exists with any of several features.
pub(super) fn exists_with_any(conditions: &[Condition]) -> String {
    format!("Exists only with {}. [`given`](Self::given) makes it from the proof of any of them.", any(conditions))
}

/// The documentation of an item that depends on a feature.
pub(super) fn exists_with(condition: &Condition) -> String {
    let feature = condition.name.camel();
    format!(
        "Exists only with [`{feature}`](super::feature::{feature}). [`given`](Self::given) makes it from the proof that the \
         feature was negotiated."
    )
}
