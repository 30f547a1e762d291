//! Child processes with time limits. They are killed when this program ends.

pub mod child;
pub mod interrupt;
pub mod lines;
pub mod run;
