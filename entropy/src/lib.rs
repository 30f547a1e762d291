//! A virtio entropy driver for Rust kernels ("Entropy Device", 5.4): the host gives the guest random bytes.
//!
//! ```text
//!  transport ──Entropy::probe()──▶ Entropy ──remove()──▶ transport
//!                                   │   ▲
//!                                   └───┘ fill(), or request() and poll()
//! ```
//!
//! A kernel brings a transport, [`Dma`](transport::Dma), and for [`Entropy::fill`] a [`Wait`](transport::Wait):
//!
//! ```
//! use aerostat_entropy::{Entropy, transport::{Dma, Spin, Transport}};
//!
//! /// A seed for the kernel's generator, at boot.
//! fn seed<T: Transport>(transport: T, dma: &mut impl Dma) -> Option<[u8; 32]> {
//!     let mut entropy = Entropy::probe(transport, dma).map_err(|failed| println!("{}", failed.error)).ok()?;
//!     let mut seed = [0; 32];
//!     let filled = entropy.fill(&mut seed, &mut Spin::default());
//!     let _transport = entropy.remove(dma).map_err(|(_, error)| println!("{error}"));
//!     filled.is_ok().then_some(seed)
//! }
//! ```
//!
//! The device is not trusted: bytes are random only as far as the host is honest, so mix them with others. But no host
//! makes this crate panic, loop without end, or take for an answer what the device did not write.
//!
//! It has no `unsafe` code, and is the example of the book's chapter "Writing a driver".
#![no_std]
#![forbid(unsafe_code)]

mod driver;
mod error;

pub use aerostat_transport as transport;
pub use driver::{BYTES, Declared, Entropy};
pub use error::{EntropyError, ProbeError, ProbeFailed};

// ANCHOR: describe
aerostat_transport::spec::virtio_spec!("entropy.vspec");
// ANCHOR_END: describe
