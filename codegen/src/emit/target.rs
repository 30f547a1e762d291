//! The settings of the emitter, and the tokens that all items use.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::model::Int;
use crate::name::Name;

/// The spans of the names in generated code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spans {
    /// The spans of the description, which is part of Rust source code.
    Description,
    /// The span of the macro call. The description is a file that rustc has not read.
    CallSite,
}

/// The settings of the emitter.
#[derive(Clone, Debug)]
pub struct Target {
    /// The path of the runtime crate `aerostat-spec` in generated code: `$crate` or `::aerostat_spec`.
    pub krate: TokenStream,
    /// The spans of names.
    pub spans: Spans,
}

impl Target {
    /// The imports of every generated module.
    pub(super) fn prelude(&self) -> TokenStream {
        let krate = &self.krate;
        quote! {
            #[allow(unused_imports)]
            use #krate::__private::prelude::*;
            // By name, because the two globs and the prelude can have different macros of this name.
            #[allow(unused_imports)]
            use #krate::__private::prelude::panic;
        }
    }

    /// An identifier for a name in the description.
    pub(super) fn ident(&self, name: &Name, text: &str) -> Ident {
        let span = match self.spans {
            Spans::Description => name.span,
            Spans::CallSite => Span::call_site(),
        };
        Ident::new(text, span)
    }

    /// The Rust type for a name.
    pub(super) fn camel(&self, name: &Name) -> Ident {
        self.ident(name, &name.camel())
    }
}

/// An integer type.
pub(super) fn int(int: Int) -> TokenStream {
    let name = Ident::new(int.name(), Span::call_site());
    quote!(#name)
}

/// A number without a type suffix.
pub(super) fn number(value: u64) -> proc_macro2::Literal {
    proc_macro2::Literal::u64_unsuffixed(value)
}
