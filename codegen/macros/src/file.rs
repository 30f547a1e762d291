//! Descriptions in files.

use std::path::Path;

use aerostat_codegen::{Source, Spans, Target, emit, parse_text};
use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::input::File;

/// Compiles a file. Errors in it become compile errors at the path, with the place in the file in their messages.
pub(crate) fn compile(input: &File) -> TokenStream {
    let relative = input.path.value();
    let errors = |messages: Vec<String>| -> TokenStream {
        messages.into_iter().map(|message| syn::Error::new(input.path.span(), message).to_compile_error()).collect()
    };
    // Cargo sets this to the folder of the crate that calls the macro.
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let path = Path::new(&folder).join(&relative);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let help = "the path is relative to the folder of the crate's Cargo.toml";
            return errors(vec![format!("cannot read the description file `{relative}`: {error}\n = help: {help}")]);
        }
    };
    let krate = &input.krate;
    let tracked = track(krate, &path, input.path.span());
    let model = {
        let _fallback = Fallback::begin();
        parse_text(&Source { path: &relative, text: &text })
    };
    let items = match model {
        Ok(model) => {
            emit(&model, &Target { krate: krate.clone(), spans: Spans::CallSite, path: Some(relative.clone()) })
        }
        Err(messages) => errors(messages),
    };
    quote!(#tracked #items)
}

/// Makes rustc expand the macro again when the file changes, even if the file has errors now. The path has the span of the user's path, so
/// that editors lead from there to the file.
fn track(krate: &TokenStream, path: &Path, span: Span) -> TokenStream {
    match path.to_str() {
        Some(path) => {
            let path = syn::LitStr::new(path, span);
            quote!(const _: &[u8] = #krate::__private::core::include_bytes!(#path);)
        }
        None => TokenStream::new(),
    }
}

/// While a value of this type exists, proc-macro2 uses its own lexer. Spans from rustc's lexer have no usable positions for
/// text that is not part of the source code.
struct Fallback;

impl Fallback {
    fn begin() -> Self {
        proc_macro2::fallback::force();
        Self
    }
}

impl Drop for Fallback {
    fn drop(&mut self) {
        proc_macro2::fallback::unforce();
    }
}
