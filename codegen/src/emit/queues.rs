//! The queues of a device.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::conditions::exists_with;
use crate::emit::docs::docs;
use crate::emit::target::{Target, number};
use crate::model::Queue;

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
        let mut facts = vec![format!("The queue `{}`. Its index is {}.", queue.name.text, queue.index)];
        facts.extend(queue.condition.as_ref().map(exists_with));
        let docs = docs(&queue.docs, &facts, &[queue.alias.as_deref()]);
        let (text, index) = (&queue.name.text, number(queue.index.into()));
        let (body, needs) = match &queue.condition {
            None => (quote!(;), quote!(0)),
            Some(condition) => {
                let feature = self.camel(&condition.name);
                (quote!({ negotiated: () }), quote!(1 << <super::feature::#feature as #krate::Feature>::BIT))
            }
        };
        let given = queue.condition.as_ref().map(|condition| self.given(condition, &queue.name));
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
}
