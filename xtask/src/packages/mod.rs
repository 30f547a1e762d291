//! The crates that are published: their manifests, and the checks of their packages.

pub(crate) mod checks;
pub(crate) mod manifests;
pub(crate) mod problems;
pub(crate) mod registry;
pub(crate) mod unpacked;
