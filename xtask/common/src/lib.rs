//! What all tools of the workspace share: paths, child processes, amounts of memory, architectures.

pub mod arch;
pub mod bytes;
pub mod process;
pub mod workspace;
