//! The balloon over all transports, with all features, frame sizes, operations and futures, and log messages, and the small drivers. It
//! is linked to show that it contains no panic.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod kernel;

/// Shows nothing: the kernel is built for a bare machine only.
#[cfg(not(target_os = "none"))]
fn main() {}
