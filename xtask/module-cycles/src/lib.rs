//! Finds import cycles between the source files of a crate.
//!
//! A file imports from another file if a `use` declaration or a path in its code refers to an item that the other file defines. An
//! inline module belongs to its file. A path through a re-export counts as an import from the file that defines the item. `mod`
//! declarations and code under `#[cfg(test)]` do not count.
//!
//! Names are resolved without macro expansion: an item that a macro defines counts as defined in the file of its module.

mod graph;
mod modules;
mod references;

pub use self::graph::{Cycle, Graph, Import};
