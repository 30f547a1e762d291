//! Builds for other targets than the host: chooses a compiler, builds the guest and runs tests on foreign processors.

pub mod foreign;
pub mod guest;
pub mod probe;
pub mod toolchain;
