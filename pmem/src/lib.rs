//! A virtio persistent memory driver for Rust kernels ("PMEM Device", 5.19): memory of the host that keeps its contents.
//!
//! ```text
//!  transport ──Pmem::probe()──▶ Pmem ──remove()──▶ transport
//!                                │ ▲
//!                                └─┘ flush(), or start_flush() and poll()
//! ```
//!
//! A kernel provides a transport, [`Dma`](transport::Dma), and for [`Pmem::flush`] a [`Wait`](transport::Wait):
//!
//! ```
//! use aerostat_pmem::{Pmem, PmemError, transport::{Dma, Spin, Transport}};
//!
//! fn start<T: Transport>(transport: T, dma: &mut impl Dma) -> Option<Pmem<T>> {
//!     let pmem = Pmem::probe(transport, dma, &mut Spin::default()).map_err(|failed| println!("{failed}")).ok()?;
//!     let range = pmem.range();
//!     println!("{} bytes of persistent memory at {:#x}", range.end - range.start, range.start);
//!     // Check that the range is not memory of the kernel, and map it.
//!     Some(pmem)
//! }
//!
//! /// Makes everything durable that was written to the memory before.
//! fn sync<T: Transport>(pmem: &mut Pmem<T>) -> Result<(), PmemError> {
//!     pmem.flush(&mut Spin::default())
//! }
//! ```
//!
//! The device is not trusted. No device behaviour causes a panic or an endless loop. Whether a flushed byte is really durable, only the
//! host knows.
//!
//! The crate has no `unsafe` code. It is the example of the chapter "A driver with requests" of the book.
#![no_std]
#![forbid(unsafe_code)]

mod driver;
mod error;

pub use aerostat_spec::pmem;
pub use aerostat_transport as transport;
pub use driver::{Declared, Pmem, ProbeFailed, Removing};
pub use error::{PmemError, ProbeError};
