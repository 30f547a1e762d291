//! A small kernel that has a virtio balloon.
//!
//! It boots, hands what the loader says about memory to a page-frame allocator, switches interrupts on, finds the
//! balloon and then sleeps until an interrupt gives it something to do. Read `kernel.rs` first; `kernel/balloon.rs`
//! is what a kernel does for its balloon, and `kernel/arch/` is what any kernel has anyway: boot code, interrupts,
//! a clock.
//!
//! `cargo xtask guest` builds it. Its command line is described at [`aerostat_guest::Options`].

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod kernel;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is a kernel, not a program: `cargo xtask guest` builds it for a bare machine.");
    std::process::exit(1);
}
