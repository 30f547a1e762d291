//! The procedural macros behind `aerostat_spec::virtio_device!` and `aerostat_spec::virtio_spec!`.
//!
//! Use those macros instead. They pass `[$crate]`, the path of the runtime crate, before the description, so generated code
//! works under any name of that crate. `aerostat-codegen` does the work.

mod file;
mod input;

use std::sync::{Mutex, MutexGuard, PoisonError};

use aerostat_codegen::{Spans, Target, compile_tokens};
use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Compiles a description in Rust source code: `[path::to::runtime] device name = id { … }`.
#[proc_macro]
pub fn virtio_device(input: TokenStream) -> TokenStream {
    let _lock = lock();
    let input::Inline { krate, description } = parse_macro_input!(input);
    let target = Target { krate, spans: Spans::Description, path: None };
    compile_tokens(description, &target).unwrap_or_else(|diagnostics| diagnostics.to_compile_errors()).into()
}

/// Compiles a description file: `[path::to::runtime] "vspec/name.vspec"`.
#[proc_macro]
pub fn virtio_spec(input: TokenStream) -> TokenStream {
    let _lock = lock();
    let input: input::File = parse_macro_input!(input);
    file::compile(&input).into()
}

/// Locks the lexer of proc-macro2. Description files need its own lexer and other descriptions that of rustc, but the choice
/// applies to the whole process.
fn lock() -> MutexGuard<'static, ()> {
    static LEXER: Mutex<()> = Mutex::new(());
    LEXER.lock().unwrap_or_else(PoisonError::into_inner)
}
