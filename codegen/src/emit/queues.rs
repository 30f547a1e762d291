//! The queues of a device, each as a type.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::docs::docs;
use crate::emit::{Target, number};
use crate::model::{Guard, Queue};

impl Target {
    /// The module `queue`.
    pub(super) fn queues(&self, queues: &[Queue]) -> TokenStream {
        if queues.is_empty() {
            return TokenStream::new();
        }
        let prelude = self.prelude();
        let queues = queues.iter().map(|queue| self.queue(queue));
        quote! {
            /// The queues, each as a type.
            pub mod queue {
                #prelude

                #(#queues)*
            }
        }
    }

    fn queue(&self, queue: &Queue) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&queue.name);
        let mut facts = vec![format!("The queue `{}`, number {}.", queue.name.text, queue.index)];
        facts.extend(queue.guard.as_ref().map(exists_with));
        let docs = docs(&queue.docs, &facts, &[queue.alias.as_deref()]);
        let (text, index) = (&queue.name.text, number(queue.index.into()));
        let (body, needs) = match &queue.guard {
            None => (quote!(;), quote!(0)),
            Some(guard) => {
                let feature = self.camel(&guard.name);
                (quote!({ negotiated: () }), quote!(1 << <super::feature::#feature as #krate::Feature>::BIT))
            }
        };
        let given = queue.guard.as_ref().map(|guard| self.given(guard, &queue.name));
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct #name #body

            #given

            impl #krate::Queue for #name {
                type Device = super::Device;
                const SPEC: #krate::QueueSpec =
                    #krate::QueueSpec { name: #text, index: #index, needs: #needs };
            }
        }
    }

    /// The constructor of something that exists only with a feature.
    ///
    /// The private field that keeps others from making one has a name: where somebody writes the bare name of the type as
    /// a value, rustc then says only that it is none, and does not go on about the function that a tuple struct is.
    pub(super) fn given(&self, guard: &Guard, name: &crate::name::Name) -> TokenStream {
        let krate = &self.krate;
        let (name, feature) = (self.camel(name), self.camel(&guard.name));
        let doc = format!(" Allowed by the proof that [`{feature}`](super::feature::{feature}) was negotiated.");
        quote! {
            impl #name {
                #[doc = #doc]
                pub const fn given(_proof: #krate::Negotiated<super::feature::#feature>) -> Self {
                    Self { negotiated: () }
                }
            }
        }
    }
}

impl Target {
    /// The constructor of something that exists with each of several features.
    pub(super) fn given_any(&self, guards: &[Guard], name: &crate::name::Name) -> TokenStream {
        let krate = &self.krate;
        let doc = format!(" Allowed by the proof that {} was negotiated.", any(guards));
        let gives = self.gives(guards, name);
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

    /// Which features give something, where there are several.
    pub(super) fn gives(&self, guards: &[Guard], name: &crate::name::Name) -> TokenStream {
        let (krate, name) = (&self.krate, self.camel(name));
        let features = guards.iter().filter(|_| guards.len() > 1).map(|guard| self.camel(&guard.name));
        quote!(#(impl #krate::__private::described::Gives<#name> for super::feature::#features {})*)
    }
}

/// Several features, of which one is enough, with links to them.
pub(super) fn any(guards: &[Guard]) -> String {
    let links = guards.iter().map(|guard| guard.name.camel()).map(|name| format!("[`{name}`](super::feature::{name})"));
    links.collect::<Vec<_>>().join(" or ")
}

/// The sentence on what something depends on that each of several features gives.
pub(super) fn exists_with_any(guards: &[Guard]) -> String {
    format!("Exists only with {}: [`given`](Self::given) makes it from the proof of either.", any(guards))
}

/// The sentence on what something depends on.
pub(super) fn exists_with(guard: &Guard) -> String {
    let feature = guard.name.camel();
    format!(
        "Exists only with the feature [`{feature}`](super::feature::{feature}): [`given`](Self::given) makes it from the \
         proof."
    )
}
