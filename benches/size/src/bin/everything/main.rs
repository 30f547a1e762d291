//! Every part of the drivers: all transports, all features, all operations, futures. It is linked to show that no panic is in it.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod kernel;

/// Shows nothing: the kernel is built for a bare machine only.
#[cfg(not(target_os = "none"))]
fn main() {}
