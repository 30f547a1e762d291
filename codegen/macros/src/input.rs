//! The input of the macros.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token, bracketed};

/// `[path] description`
pub(crate) struct Inline {
    pub(crate) krate: TokenStream,
    pub(crate) description: TokenStream,
}

/// `[path] "file"`
pub(crate) struct File {
    pub(crate) krate: TokenStream,
    pub(crate) path: LitStr,
}

impl Parse for Inline {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { krate: krate(input)?, description: input.parse()? })
    }
}

impl Parse for File {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let krate = krate(input)?;
        let path = input.parse().map_err(|error| {
            syn::Error::new(error.span(), "expected the path of a description file as a string: \"vspec/name.vspec\"")
        })?;
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { krate, path })
    }
}

fn krate(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let path;
    bracketed!(path in input);
    path.parse()
}
