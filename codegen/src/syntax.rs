//! The language of descriptions, as a syntax tree. Each type documents the part of the language that it stands for.
//!
//! A description is written in Rust tokens: comments, names and numbers are those of Rust, and `///` documents what
//! follows it (the text becomes the documentation of the generated item). Names are in `snake_case`. Lists stand in
//! braces, their entries separated by commas; a comma after the last entry is welcome.
//!
//! ```text
//! /// Traditional memory balloon device
//! device balloon = 5 {
//!     features { must_tell_host = 0, stats_vq = 1 }
//!     queues { inflate = 0, deflate = 1, stats = 2 if stats_vq }
//!     config { num_pages: le32 read, actual: le32 read write }
//!     packed struct stat { tag: virtio16, val: virtio64 }
//!     enum stat_tag: u16 { swap_in = 0, swap_out = 1 }
//! }
//! ```
//!
//! Any name that has a C counterpart under another name can be given it with `as "C_NAME"`; the documentation then
//! lists the C name, and a search for it finds the item.
//!
//! After a syntax error reading goes on with the next entry or item, so that one run reports all of them.

mod device;
mod features;
mod fields;
mod file;
mod lex;
mod values;

pub use device::{Device, Member, Module};
pub use features::{Feature, Features, Queue, Queues};
pub use fields::{Access, AccessWord, Field, Fields, Offset, Registers, Struct, TypeName};
pub use file::{File, Item};
pub use lex::{Docs, Number};
pub use values::{BitField, Bits, Const, Enum, Variant};

#[cfg(test)]
mod tests;
