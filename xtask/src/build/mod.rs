//! Building for other targets than the host: which compiler, the guest, and tests for foreign processors.

pub(crate) mod foreign;
pub(crate) mod guest;
pub(crate) mod probe;
pub(crate) mod toolchain;
