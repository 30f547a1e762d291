//! The settings of the emitter, and the tokens that all items use.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit::docs::docs;
use crate::model::Int;
use crate::name::{CNames, Name};
use crate::syntax::Docs;

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
    /// The path of the description file, if the documentation of items refers to it.
    pub path: Option<String>,
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

    /// The documentation of the place of an item in the description file.
    pub(super) fn place(&self, name: &Name) -> Option<String> {
        let line = name.span.start().line;
        self.path.as_ref().map(|path| format!("Description: `{path}`, line {line}."))
    }

    /// The documentation of an item that the description has no documentation for: a sentence, and the place.
    pub(super) fn own_docs(&self, fact: String, name: &Name) -> TokenStream {
        let facts: Vec<String> = [fact].into_iter().chain(self.place(name)).collect();
        docs(&Docs::default(), &facts, &CNames::default())
    }

    /// An identifier for a name in the description.
    pub(super) fn ident(&self, name: &Name, text: &str) -> Ident {
        let span = match self.spans {
            Spans::Description => name.span,
            Spans::CallSite => Span::call_site(),
        };
        match text {
            // Generated names, and the names that the checks allow, are no other keywords.
            "crate" | "self" | "super" | "Self" => Ident::new(text, span),
            _ if syn::parse_str::<Ident>(text).is_err() => Ident::new_raw(text, span),
            _ => Ident::new(text, span),
        }
    }

    /// Emits conditions that rustc checks when it compiles the generated code.
    pub(super) fn assertions(&self, conditions: impl Iterator<Item = TokenStream>) -> Option<TokenStream> {
        let krate = &self.krate;
        let mut conditions = conditions.peekable();
        conditions.peek()?;
        Some(quote! {
            const _: () = {
                #(#krate::__private::core::assert!(#conditions);)*
            };
        })
    }

    /// The derives of the type of a feature, queue, field or region. Only one that has a value, such as an index, can be compared.
    pub(super) fn marker_derives(has_value: bool) -> TokenStream {
        let comparison = has_value.then(|| quote!(, PartialEq, Eq));
        quote!(#[derive(Clone, Copy, Debug #comparison)])
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
