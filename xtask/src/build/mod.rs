//! Building for bare metal: which compiler, and the guest.

pub(crate) mod guest;
pub(crate) mod probe;
pub(crate) mod toolchain;
