//! A guest in QEMU: how it is started, watched, driven by QMP, and ended.

pub(crate) mod cpu;
pub(crate) mod error;
pub(crate) mod features;
pub(crate) mod machine;
pub(crate) mod migration;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod qmp;
pub(crate) mod resident;
pub(crate) mod serial;
pub(crate) mod statistics;
