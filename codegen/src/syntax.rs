//! The syntax tree of a description, and the reference of the language. Each type documents one part of the language.
//!
//! A description consists of Rust tokens: comments, names and numbers are those of Rust. `///` comments document the item
//! that follows; they become the documentation of the generated item. Names are in `snake_case`. Lists are in braces, with
//! commas between the entries and optionally after the last one.
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
//! If an item has a different name in C headers, `as "C_NAME"` gives that name. The documentation then has it as an alias,
//! so a search for the C name finds the item. `as "C_NAME" or "OTHER_NAME"` gives several.
//!
//! After a syntax error the parser continues with the next entry or item, so one run reports all errors.

mod c_field;
mod clauses;
mod device;
mod features;
mod fields;
mod file;
mod length;
mod number;
mod parser;
mod queues;
mod requests;
mod shared_memory;
mod skipped;
mod types;
mod values;

pub use device::{Device, Member, Module};
pub use features::{Feature, Features};
pub use fields::{Access, AccessWord, Field, FieldValue, Fields, Offset, Registers, Struct};
pub use file::{File, Item};
pub use length::Length;
pub use number::Number;
pub use parser::Docs;
pub use queues::{Queue, QueueIndex, Queues};
pub use requests::Request;
pub use shared_memory::{SharedMemory, SharedMemoryRegions};
pub use skipped::Skipped;
pub use types::{TypeName, Union, UnionEntry};
pub use values::{BitField, Bits, Const, Enum, Variant, VariantValue};

#[cfg(test)]
mod tests;
