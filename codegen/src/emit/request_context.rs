//! What the layout of a request depends on: lengths in the configuration space, and features.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::emit::target::{Target, int};
use crate::model::{Condition, Count, Int, Request};

/// What the layout of a request depends on.
pub(super) struct Context<'a> {
    /// The lengths: the name of the configuration field, and its type.
    sizes: Vec<(&'a str, Int)>,
    /// The alternatives of each distinct `if`.
    conditions: Vec<&'a [Condition]>,
}

impl<'a> Context<'a> {
    pub(super) fn of(request: &'a Request) -> Self {
        let (mut sizes, mut conditions): (Vec<(&str, Int)>, Vec<&[Condition]>) = Default::default();
        for field in request.readable.iter().chain(&request.writable) {
            if let Count::Config { name, int } = &field.count
                && !sizes.iter().any(|(known, _)| *known == name.text)
            {
                sizes.push((&name.text, *int));
            }
            let name = condition_name(&field.conditions);
            if name.is_some() && !conditions.iter().any(|known| condition_name(known) == name) {
                conditions.push(&field.conditions);
            }
        }
        Self { sizes, conditions }
    }

    /// Returns the name of the type, or `None` if the layout depends on nothing.
    pub(super) fn type_name(&self, target: &Target, request: &Request) -> Option<Ident> {
        let exists = !self.sizes.is_empty() || !self.conditions.is_empty();
        exists.then(|| format_ident!("{}Context", target.camel(&request.name)))
    }
}

/// Returns the name of the member for an `if`.
pub(super) fn condition_name(conditions: &[Condition]) -> Option<String> {
    let names: Vec<&str> = conditions.iter().map(|condition| condition.name.text.as_str()).collect();
    (!names.is_empty()).then(|| format!("with_{}", names.join("_or_")))
}

impl Target {
    /// Emits the type of the context, if there is one.
    pub(super) fn request_context(&self, request: &Request, context: &Context<'_>) -> Option<TokenStream> {
        let krate = &self.krate;
        let name = context.type_name(self, request)?;
        let doc = format!(" What the layout of a [`{}`] depends on. It does not change while the device is live.", {
            self.camel(&request.name)
        });
        let (sizes, types): (Vec<Ident>, Vec<TokenStream>) =
            context.sizes.iter().map(|(name, ty)| (Ident::new(name, Span::call_site()), int(*ty))).unzip();
        let flags = context.conditions.iter().filter_map(|conditions| condition_name(conditions));
        let flags: Vec<Ident> = flags.map(|name| Ident::new(&name, Span::call_site())).collect();
        let values = context.conditions.iter().map(|conditions| {
            let features = conditions.iter().map(|condition| self.camel(&condition.name));
            quote!(#(accepted.has(feature::#features))||*)
        });
        let (generics, accepted) = match flags.is_empty() {
            true => (None, None),
            false => (
                Some(quote!(<S: #krate::FeatureSet<Device = Features>>)),
                Some(quote!(accepted: &#krate::Accepted<S>,)),
            ),
        };
        let mut from = Vec::new();
        from.extend(accepted.is_some().then_some("the negotiated features".to_owned()));
        from.extend(context.sizes.iter().map(|(name, _)| format!("the configuration field `{name}`")));
        let new_doc = format!(" Makes it from {}.", from.join(", "));
        Some(quote! {
            #[doc = #doc]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct #name {
                #(#sizes: #types,)*
                #(#flags: bool,)*
            }

            impl #name {
                #[doc = #new_doc]
                pub fn new #generics(#accepted #(#sizes: #types),*) -> Self {
                    Self { #(#sizes,)* #(#flags: #values,)* }
                }
            }
        })
    }
}
