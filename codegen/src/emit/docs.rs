//! Documentation of generated items.

use proc_macro2::TokenStream;
use quote::quote;

use crate::name::CNames;
use crate::syntax::Docs;

/// Emits the `#[doc]` attributes of an item: the documentation in the description, then a paragraph for each fact, then the C
/// names as aliases. Without documentation in the description, the first fact is the summary.
pub(super) fn docs(docs: &Docs, facts: &[String], names: &CNames) -> TokenStream {
    let mut lines: Vec<String> = docs.0.clone();
    for fact in facts {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!(" {fact}"));
    }
    let aliases = names.iter();
    quote!(#(#[doc = #lines])* #(#[doc(alias = #aliases)])*)
}
