//! A small kernel with a virtio balloon.
//!
//! It boots, gives the memory map of the loader to a page-frame allocator, enables interrupts, finds the balloon device and
//! then sleeps until an interrupt brings work. Start reading at `kernel.rs`. `kernel/balloon.rs` is what a kernel does for
//! its balloon, `kernel/platform.rs` implements the traits of the driver, `kernel/virtio.rs` finds the device, and
//! `kernel/scenario.rs` is only for tests.
//! `kernel/arch/` has what every kernel has anyway: boot code, interrupts, a clock.
//!
//! `cargo xtask guest` builds it. Its command line is described at [`aerostat_guest::Options`].

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(all(target_os = "none", feature = "adapters"))]
extern crate alloc;

#[cfg(target_os = "none")]
mod kernel;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("error: this program is a kernel; build it with `cargo xtask guest`");
    std::process::exit(1);
}
