//! A balloon over MMIO that uses every feature.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[path = "../../kernels/mmio.rs"]
mod bus;
#[cfg(target_os = "none")]
#[path = "../../kernels/all.rs"]
mod kernel;

/// Shows nothing: the kernel is built for a bare machine only.
#[cfg(not(target_os = "none"))]
fn main() {}
