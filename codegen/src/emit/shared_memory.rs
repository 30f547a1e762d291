//! Shared memory regions.

use proc_macro2::TokenStream;
use quote::quote;

use crate::emit::conditions::exists_with;
use crate::emit::docs::docs;
use crate::emit::target::{Target, number};
use crate::model::SharedMemory;

impl Target {
    /// Emits the module `shared_memory`, if the device has regions.
    pub(super) fn shared_memory(&self, regions: &[SharedMemory]) -> TokenStream {
        if regions.is_empty() {
            return TokenStream::new();
        }
        let prelude = self.prelude();
        let regions = regions.iter().map(|region| self.region(region));
        quote! {
            /// The shared memory regions. Each is a type.
            pub mod shared_memory {
                #prelude

                #(#regions)*
            }
        }
    }

    fn region(&self, region: &SharedMemory) -> TokenStream {
        let krate = &self.krate;
        let name = self.camel(&region.name);
        let (text, id) = (&region.name.text, number(region.id.into()));
        let mut facts = vec![format!("The shared memory region `{text}`. Its id is {}.", region.id)];
        facts.extend(region.condition.as_ref().map(exists_with));
        facts.extend(self.place(&region.name));
        let docs = docs(&region.docs, &facts, &region.alias);
        let body = match &region.condition {
            None => quote!(;),
            Some(_) => quote!({ negotiated: () }),
        };
        let given = region.condition.as_ref().map(|condition| self.given(condition, &region.name));
        let derives = Self::marker_derives(false);
        quote! {
            #docs
            #derives
            pub struct #name #body

            #given

            impl #krate::SharedMemoryRegion for #name {
                type Device = super::Device;
                const ID: u8 = #id;
                const NAME: &'static str = #text;
            }
        }
    }
}
