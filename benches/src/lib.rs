//! What the benchmarks share: a device whose work is reduced to acknowledging, a kernel that costs next to nothing, and two
//! drivers on them: the balloon of this workspace ([`Ours`]), and arrays sent through the crate `virtio-drivers` ([`Peer`]).
//!
//! Time is measured by `cargo bench`, instructions by the program `count` under callgrind, in
//! `cargo xtask test --only counts`. What each number means is in the book's chapter
//! "Benchmarks and counts".

mod bare;
mod device;
mod encode;
mod facts;
mod ours;
mod peer;
mod platform;

pub use bare::Bare;
pub use device::{AckDevice, Traffic};
pub use encode::{Aligned, Array, ENTRIES, copy, copy_baseline, encode_4k, encode_64k, encode_run, encode_wide};
pub use facts::facts;
pub use ours::{Either, Format, Live, Ours, Setting};
pub use peer::Peer;
pub use platform::{Kernel, Lie};
