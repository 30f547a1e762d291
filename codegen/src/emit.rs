//! Emits Rust tokens from a model. Each file emits one kind of item.
//!
//! Generated code is in modules of its own and refers to everything by the path of the runtime crate, so names in the user's
//! scope cannot change its meaning.

mod bits;
mod block;
mod choices;
mod conditions;
mod device;
mod docs;
mod enums;
mod features;
mod queues;
mod request_code;
mod request_context;
mod requests;
mod shared_memory;
mod structs;
mod target;
mod unions;

use proc_macro2::TokenStream;
use quote::quote;

pub use target::{Spans, Target};

use crate::emit::target::{int, number};
use crate::model::{Kind, Member, Model, Module};
use crate::name::CNames;

/// Emits the Rust items of a model.
pub fn emit(model: &Model, target: &Target) -> TokenStream {
    model.modules.iter().map(|module| target.module(module)).collect()
}

impl Target {
    fn module(&self, module: &Module) -> TokenStream {
        let krate = &self.krate;
        let (name, prelude) = (self.ident(&module.name, &module.name.text), self.prelude());
        let (own, summary) = match &module.kind {
            Kind::Plain => (TokenStream::new(), format!("Bindings of `{}`.", module.name.text)),
            Kind::Device(device) => {
                (self.device(&module.name.text, device), format!("Bindings of virtio device type {}.", device.id))
            }
            Kind::Reserved(features) => {
                (self.features(features, &quote!(#krate::Reserved)), "Features of all device types.".to_owned())
            }
        };
        let facts: Vec<String> = [summary].into_iter().chain(self.place(&module.name)).collect();
        let docs = docs::docs(&module.docs, &facts, &CNames::default());
        let has_structs = module.members.iter().any(|member| matches!(member, Member::Struct(_) | Member::Request(_)));
        // The derives of zerocopy take the path of their crate as a string, which cannot contain `$crate`. They take a path without
        // `self` for the name of a crate.
        let zerocopy = has_structs.then(|| quote!(use #krate::__private::zerocopy;));
        let members = module.members.iter().map(|member| self.member(member));
        quote! {
            #docs
            pub mod #name {
                #prelude
                #zerocopy

                #own
                #(#members)*
            }
        }
    }

    fn member(&self, member: &Member) -> TokenStream {
        match member {
            Member::Registers(block) => self.block(block, &format!("The registers `{}`.", block.name.text)),
            Member::Struct(structure) => self.structure(structure),
            Member::Enum(values) => self.enumeration(values),
            Member::Bits(bits) => self.bits(bits),
            Member::Request(request) => self.request(request),
            Member::Const(constant) => {
                let name = self.ident(&constant.name, &constant.name.upper());
                let mut facts = vec![format!("The constant {:#x}.", constant.value)];
                facts.extend(self.place(&constant.name));
                let docs = docs::docs(&constant.docs, &facts, &constant.alias);
                let (ty, value) = (int(constant.ty), number(constant.value));
                quote! {
                    #docs
                    pub const #name: #ty = #value;
                }
            }
        }
    }
}
