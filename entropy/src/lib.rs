//! A virtio entropy driver for Rust kernels ("Entropy Device", 5.4): the guest reads random bytes from the host.
//!
//! ```text
//!  transport ──Entropy::probe()──▶ Entropy ──remove()──▶ transport
//!                                   │   ▲
//!                                   └───┘ fill(), or request() and poll()
//! ```
//!
//! A kernel provides a transport, [`Dma`](transport::Dma), and for [`Entropy::fill`] a [`Wait`](transport::Wait):
//!
//! ```
//! use aerostat_entropy::{Entropy, transport::{Dma, Spin, Transport}};
//!
//! /// Reads a seed for the random number generator of the kernel.
//! fn seed<T: Transport>(transport: T, dma: &mut impl Dma) -> Option<[u8; 32]> {
//!     let mut wait = Spin::default();
//!     let mut entropy = Entropy::probe(transport, dma, &mut wait).map_err(|failed| println!("{}", failed.error)).ok()?;
//!     let mut seed = [0; 32];
//!     let filled = entropy.fill(&mut seed, &mut wait);
//!     let _transport = entropy.remove().wait(dma, &mut wait).map_err(|(_, error)| println!("{error}"));
//!     filled.is_ok().then_some(seed)
//! }
//! ```
//!
//! The device is not trusted. The bytes are only as random as the host makes them, so mix them with other sources. No device
//! behaviour causes a panic, an endless loop, or bytes of other guest memory in an answer.
//!
//! The crate has no `unsafe` code. It is the example of the chapter "Writing a driver" of the book.
#![no_std]
#![forbid(unsafe_code)]

mod driver;
mod error;

pub use aerostat_transport as transport;
pub use driver::{BYTES, Declared, Entropy, ProbeFailed, Removing, entropy};
pub use error::{EntropyError, ProbeError};
