//! From the model to Rust tokens. Each file makes one kind of item.
//!
//! Everything that is generated stands in a module of its own and names what it uses through the path of the runtime
//! crate, so that nothing in the user's scope can change its meaning.

mod bits;
mod block;
mod device;
mod docs;
mod enums;
mod features;
mod queues;
mod structs;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::{Int, Kind, Member, Model, Module};
use crate::name::Name;

/// Where the names in generated code claim to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spans {
    /// From the tokens of the description: it is part of the Rust source.
    Description,
    /// From the call of the macro: the description is a file, which the compiler has not read.
    CallSite,
}

/// What generated code is made for.
#[derive(Clone, Debug)]
pub struct Target {
    /// The path of the runtime crate `aerostat-spec` in the generated code: `$crate` or `::aerostat_spec`.
    pub krate: TokenStream,
    /// Where names come from.
    pub spans: Spans,
}

/// The Rust items of a model.
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
                (self.device(&module.name.text, device), format!("Bindings of the device type {}.", device.id))
            }
            Kind::Reserved(features) => {
                (self.features(features, &quote!(#krate::Reserved)), "Features of no device type.".to_owned())
            }
        };
        let docs = docs::docs(&module.docs, &[summary], &[]);
        let has_structs = module.members.iter().any(|member| matches!(member, Member::Struct(_)));
        // The derives of zerocopy take the path of their crate as a string, which cannot hold `$crate`.
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
            Member::Const(constant) => {
                let name = self.ident(&constant.name, &constant.name.upper());
                let docs = docs::docs(
                    &constant.docs,
                    &[format!("The constant {:#x}.", constant.value)],
                    &[constant.alias.as_deref()],
                );
                let (ty, value) = (int(constant.ty), number(constant.value));
                quote! {
                    #docs
                    pub const #name: #ty = #value;
                }
            }
        }
    }

    /// What every generated module imports.
    fn prelude(&self) -> TokenStream {
        let krate = &self.krate;
        quote! {
            #[allow(unused_imports)]
            use #krate::__private::prelude::*;
            // By name, because two globs and a prelude may offer different ones.
            #[allow(unused_imports)]
            use #krate::__private::prelude::panic;
        }
    }

    /// An identifier made from a name of the description.
    fn ident(&self, name: &Name, text: &str) -> Ident {
        let span = match self.spans {
            Spans::Description => name.span,
            Spans::CallSite => Span::call_site(),
        };
        Ident::new(text, span)
    }

    /// The Rust type of a name.
    fn camel(&self, name: &Name) -> Ident {
        self.ident(name, &name.camel())
    }
}

/// An integer type.
fn int(int: Int) -> TokenStream {
    let name = Ident::new(int.name(), Span::call_site());
    quote!(#name)
}

/// A number without type suffix.
fn number(value: u64) -> proc_macro2::Literal {
    proc_macro2::Literal::u64_unsuffixed(value)
}
