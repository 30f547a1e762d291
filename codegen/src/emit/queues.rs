//! The queues of a device.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit::conditions::exists_with;
use crate::emit::docs::docs;
use crate::emit::target::{Target, int, number};
use crate::model::{ComputedIndex, IndexVariable, Queue};

impl Target {
    /// Emits the module `queue`.
    pub(super) fn queues(&self, queues: &[Queue]) -> TokenStream {
        if queues.is_empty() {
            return TokenStream::new();
        }
        let prelude = self.prelude();
        let queues = queues.iter().map(|queue| self.queue(queue));
        quote! {
            /// The queues. Each is a type.
            pub mod queue {
                #prelude

                #(#queues)*
            }
        }
    }

    fn queue(&self, queue: &Queue) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&queue.name);
        let text = &queue.name.text;
        let mut facts = vec![match &queue.computed {
            None => format!("The queue `{text}`. Its index is {}.", queue.index),
            Some(computed) => index_fact(text, computed),
        }];
        facts.extend(queue.condition.as_ref().map(exists_with));
        facts.extend(queue.writable.map(|writable| match writable {
            true => "The device writes its buffers.".to_owned(),
            false => "The device reads its buffers.".to_owned(),
        }));
        facts.extend(self.place(&queue.name));
        let docs = docs(&queue.docs, &facts, &queue.alias);
        let index = number(queue.index.into());
        let needs = match &queue.condition {
            None => quote!(0),
            Some(condition) => {
                let feature = self.camel(&condition.name);
                quote!(1 << <super::feature::#feature as #krate::Feature>::BIT)
            }
        };
        let (body, constructors) = match (&queue.condition, &queue.computed) {
            (None, None) => (quote!(;), None),
            (Some(condition), None) => (quote!({ negotiated: () }), Some(self.given(condition, &queue.name))),
            (_, Some(computed)) => (quote!({ index: u16 }), Some(self.computed(queue, computed))),
        };
        let spec = queue.computed.is_some().then(|| {
            quote! {
                fn spec(self) -> #krate::QueueSpec {
                    #krate::QueueSpec { index: self.index, ..Self::SPEC }
                }
            }
        });
        let buffers = match queue.writable {
            None => quote!(Both),
            Some(false) => quote!(DeviceReads),
            Some(true) => quote!(DeviceWrites),
        };
        let derives = Self::marker_derives(queue.computed.is_some());
        quote! {
            #docs
            #derives
            pub struct #name #body

            #constructors

            impl #krate::Queue for #name {
                type Device = super::Device;
                type Buffers = #krate::direction::#buffers;
                const SPEC: #krate::QueueSpec =
                    #krate::QueueSpec { name: #text, index: #index, needs: #needs };

                #spec
            }
        }
    }

    /// Emits the distance of the indexes of several queues.
    pub(super) fn step(&self, computed: &ComputedIndex) -> TokenStream {
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        match computed.n {
            IndexVariable::Queue { .. } => {
                let scale = number(computed.scale.into());
                quote!(#core::num::NonZeroU16::new(#scale))
            }
            IndexVariable::Field(..) => quote!(#core::option::Option::None),
        }
    }

    /// Emits the constructor of a queue whose index is known only at run time.
    fn computed(&self, queue: &Queue, computed: &ComputedIndex) -> TokenStream {
        let krate = &self.krate;
        let core = quote!(#krate::__private::core);
        let name = self.camel(&queue.name);
        let (scale, offset) = (number(computed.scale.into()), number(computed.offset.into()));
        let mut parameters = Vec::new();
        let constructor = match &queue.condition {
            None => Ident::new("at", Span::call_site()),
            Some(condition) => {
                let feature = self.camel(&condition.name);
                parameters.push(quote!(_proof: #krate::Negotiated<super::feature::#feature>));
                Ident::new("given", Span::call_site())
            }
        };
        let (n, from, below, doc) = match &computed.n {
            IndexVariable::Queue { from, below } => {
                // The field has a parameter with its name.
                let is_n = below.as_ref().is_some_and(|(field, _)| field.text == "n");
                let text = if is_n { "number" } else { "n" };
                let n = Ident::new(text, Span::call_site());
                parameters.push(quote!(#n: u16));
                let limit = below.as_ref().map(|(field, ty)| {
                    let (field, ty) = (self.ident(field, &field.text), int(*ty));
                    parameters.push(quote!(#field: #ty));
                    quote!(#core::option::Option::Some(#field as u64))
                });
                let doc = match below {
                    Some((field, _)) => format!(
                        " Returns the queue with the number `{text}`, from {from} on and below `{}` of the configuration space. \
                         Returns `None` for another number.",
                        field.text
                    ),
                    None => format!(
                        " Returns the queue with the number `{text}`, from {from} on. Returns `None` for another number, or if \
                         the index does not fit into 16 bits."
                    ),
                };
                (quote!(#n as u64), number((*from).into()), limit.unwrap_or(quote!(#core::option::Option::None)), doc)
            }
            IndexVariable::Field(field, ty) => {
                let doc = format!(
                    " Returns the queue for the value of `{}` in the configuration space. Returns `None` if the index does \
                     not fit into 16 bits.",
                    field.text
                );
                let (field, ty) = (self.ident(field, &field.text), int(*ty));
                parameters.push(quote!(#field: #ty));
                (quote!(#field as u64), number(0), quote!(#core::option::Option::None), doc)
            }
        };
        quote! {
            impl #name {
                #[doc = #doc]
                #[allow(clippy::unnecessary_cast)]
                pub const fn #constructor(#(#parameters),*) -> #core::option::Option<Self> {
                    match #krate::__private::queue_index(#scale, #offset, #n, #from, #below) {
                        #core::option::Option::Some(index) => #core::option::Option::Some(Self { index }),
                        #core::option::Option::None => #core::option::Option::None,
                    }
                }
            }
        }
    }
}

/// The documentation of an index that is known only at run time.
fn index_fact(name: &str, ComputedIndex { scale, offset, n }: &ComputedIndex) -> String {
    let variable = match n {
        IndexVariable::Queue { .. } => "n",
        IndexVariable::Field(field, _) => &field.text,
    };
    let product = if *scale == 1 { variable.to_owned() } else { format!("{scale} * {variable}") };
    let sum = if *offset == 0 { product } else { format!("{product} + {offset}") };
    match n {
        IndexVariable::Queue { .. } => format!("The queues `{name}`. The index of queue n is {sum}."),
        IndexVariable::Field(..) => format!("The queue `{name}`. Its index is {sum}."),
    }
}
