//! The compiler from virtio descriptions to Rust bindings.
//!
//! ```text
//! text -- syntax::File --> syntax tree -- check --> model -- emit --> Rust tokens
//!              |                            |
//!              +------- diagnostics --------+----> messages with file, line, column and help
//! ```
//!
//! [`syntax`] is the reference of the language. [`compile_text`] and [`compile_tokens`] run all passes. The macros of
//! `aerostat-spec` are thin front ends. Nothing here has to run inside the Rust compiler, so build scripts and tools can use
//! this crate too:
//!
//! ```
//! use aerostat_codegen::{Source, Spans, Target, compile_text};
//! use quote::quote;
//!
//! let text = "device lamp = 63 { queues { switch = 0, dimmer = 1 if dimming } }";
//! let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
//! let messages = compile_text(&Source { path: "lamp.vspec", text }, &target).unwrap_err();
//! assert!(messages[0].starts_with("unknown feature `dimming`\n --> lamp.vspec:1:55\n"));
//! ```

mod check;
mod compile;
mod decode;
mod diagnostic;
mod emit;
mod foreign;
pub mod model;
mod name;
mod recover;
mod render;
mod source;
mod suggest;
pub mod syntax;

pub use check::check;
pub use compile::{compile_text, compile_tokens, parse_text};
pub use decode::exchange::{DecodedExchange, Exchange, NotAnExchange};
pub use decode::{DecodeError, Decoded, DecodedField, Decoder, RequestPart};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use emit::{Spans, Target, emit};
pub use name::{CNames, Name};
pub use source::Source;
