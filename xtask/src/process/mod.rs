//! Child processes that cannot outlive their use: each has a limit, and ends with this program.

pub(crate) mod child;
pub(crate) mod interrupt;
pub(crate) mod lines;
pub(crate) mod run;
