//! Documentation of generated items: the description's own words, then what is known of the item.

use proc_macro2::TokenStream;
use quote::quote;

use crate::syntax::Docs;

/// The `#[doc]` attributes of an item: its documentation, then a paragraph for each fact, then the C names as aliases.
/// Where the description says nothing, the first fact is the summary.
pub(super) fn docs(docs: &Docs, facts: &[String], aliases: &[Option<&str>]) -> TokenStream {
    let mut lines: Vec<String> = docs.0.clone();
    for fact in facts {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!(" {fact}"));
    }
    let aliases = aliases.iter().flatten();
    quote!(#(#[doc = #lines])* #(#[doc(alias = #aliases)])*)
}
