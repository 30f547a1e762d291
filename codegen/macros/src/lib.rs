//! The procedural macros behind `aerostat_spec::virtio_device!` and `aerostat_spec::virtio_spec!`.
//!
//! Use those instead: they pass the path of the runtime crate, `[$crate]`, in front of the description, so that the
//! generated code finds it under any name. All the work is done in `aerostat-codegen`.

mod file;
mod input;

use std::sync::{Mutex, MutexGuard, PoisonError};

use aerostat_codegen::{Spans, Target, compile_tokens};
use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Compiles a description that stands in the source: `[path::to::runtime] device name = id { … }`.
#[proc_macro]
pub fn virtio_device(input: TokenStream) -> TokenStream {
    let _turn = turn();
    let input::Inline { krate, description } = parse_macro_input!(input);
    let target = Target { krate, spans: Spans::Description };
    compile_tokens(description, &target).unwrap_or_else(|mistakes| mistakes.to_compile_errors()).into()
}

/// Compiles a description file: `[path::to::runtime] "vspec/name.vspec"`.
#[proc_macro]
pub fn virtio_spec(input: TokenStream) -> TokenStream {
    let _turn = turn();
    let input: input::File = parse_macro_input!(input);
    file::compile(&input).into()
}

/// Description files are read with proc-macro2 switched away from the compiler, which is a setting of the whole
/// process: one expansion at a time.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
