//! The compiler of virtio descriptions: from text to Rust bindings, as plain functions.
//!
//! ```text
//! text -- syntax::File --> syntax tree -- check --> model -- emit --> Rust tokens
//!              |                            |
//!              +------- mistakes -----------+----> messages with file, line, column and hint
//! ```
//!
//! [`syntax`] is the reference of the language. [`compile_text`] and [`compile_tokens`] do all steps; the macros of
//! `aerostat-spec` are thin fronts of them. Nothing here needs to run inside the Rust compiler, so a build script or a tool
//! can use it as well:
//!
//! ```
//! use aerostat_codegen::{Source, Spans, Target, compile_text};
//! use quote::quote;
//!
//! let text = "device lamp = 63 { queues { switch = 0, dimmer = 1 if dimming } }";
//! let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite };
//! let messages = compile_text(&Source { path: "lamp.vspec", text }, &target).unwrap_err();
//! assert!(messages[0].starts_with("lamp.vspec:1:55: unknown feature `dimming`"));
//! ```

mod check;
mod compile;
mod emit;
mod mistake;
pub mod model;
mod name;
mod near;
mod source;
pub mod syntax;

pub use check::check;
pub use compile::{compile_text, compile_tokens, parse_text};
pub use emit::{Spans, Target, emit};
pub use mistake::{Mistake, Mistakes};
pub use name::Name;
pub use source::Source;
