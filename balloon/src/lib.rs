//! A virtio memory balloon driver for Rust kernels ("Traditional Memory Balloon Device", 5.5).
//!
//! The host asks a guest for memory by inflating a balloon inside it: the driver takes free frames from the kernel and
//! tells the host, which uses them elsewhere until it deflates the balloon again.
//!
//! ```text
//!                 ┌───────── service(): one bounded step toward the target ─────────┐
//!                 ▼                                                                 │
//!  Unprobed ──probe()──▶ Ready ───────────────────────────────────────────────────────
//!     ▲                  │   ▲
//!     │ on an error      │   └───restore()───┐
//!     └──────────────────┤                   │
//!                        └────freeze()────▶ Frozen ──into_parts()──▶ transport and platform
//! ```
//!
//! # What a kernel implements
//!
//! * [`Frames`]: give free frames, take them back, lend one bit for each.
//! * [`Dma`](transport::Dma): memory that the device can reach.
//! * A [`Transport`](transport::Transport) is there for MMIO and PCI; a bus of your own is another implementation.
//! * [`Wait`](transport::Wait), only for the forms that block. None of the others ever waits.
//!
//! # Example
//!
//! A kernel whose memory is one identity-mapped piece, with the simplest allocator there is.
//!
//! ```
//! use core::{alloc::Layout, ops::Range, ptr::NonNull};
//! use aerostat_balloon::transport::{DeviceAddress, Dma, DmaRegion, Mmio, Spin};
//! use aerostat_balloon::{Balloon, FrameRun, Frames, MustTellHost, Size4KiB, Step, PrivateMemory};
//!
//! struct Kernel {
//!     free: Vec<Range<u64>>,                          // frame numbers
//! #   memory: aerostat_device::GuestMemory,
//! #   dma: u64,
//! }
//!
//! impl Frames for Kernel {
//!     type Size = Size4KiB;
//!
//!     fn range(&self) -> Range<u64> {
//!         0..16384                                    // 64 MiB
//!     }
//!     fn allocate(&mut self, most: u32) -> Option<FrameRun<Size4KiB>> {
//!         let range = self.free.iter_mut().find(|range| !range.is_empty())?;
//!         let (first, count) = (range.start, most.min((range.end - range.start) as u32));
//!         range.start += u64::from(count);
//!         // SAFETY: the frames were free, and are no longer among those that are.
//!         Some(unsafe { FrameRun::from_raw(first, count) })
//!     }
//!     fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
//!         self.free.push(run.first()..run.first() + u64::from(run.count()));
//!     }
//!     fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
//!         Some(Box::leak(vec![0; words].into_boxed_slice()))
//!     }
//!     fn deallocate_private(&mut self, memory: PrivateMemory) {
//!         // SAFETY: leaked as a box by `allocate_private`.
//!         drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
//!     }
//! }
//!
//! // SAFETY: each call gives out memory of its own, which driver and device see at the same place.
//! unsafe impl Dma for Kernel {
//!     fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
//! #       let end = self.dma;
//! #       self.dma = (end - layout.size() as u64) & !(layout.align() as u64 - 1);
//! #       let physical = self.dma;
//! #       let virtual_ = |_physical: u64| self.memory.pointer(physical, layout.size());
//! #       /*
//!         let physical = self.allocate(layout)?;
//! #       */
//!         let start: NonNull<u8> = virtual_(physical)?;
//!         // SAFETY: nobody else uses this memory, see above.
//!         Some(unsafe { DmaRegion::new(start, physical, layout) })
//!     }
//!     fn free(&mut self, _region: DmaRegion) {}
//! }
//!
//! # let device = aerostat_device::BalloonDevice::builder().inline().start()?;
//! # let memory = device.memory().clone();
//! # let kernel = Kernel { free: vec![256..15000], memory, dma: 64 << 20 };
//! # let registers = device.registers();
//! # device.set_target(8192);
//! let bus = Mmio::new(registers).map_err(|(_, error)| error)?;
//! let mut balloon = Balloon::new(bus, kernel).want(MustTellHost).probe()?;
//!
//! // In the kernel's work queue, after every interrupt of the device:
//! while let Step::Waiting = balloon.service()? {
//!     // … the device is at work: wait for its interrupt …
//! }
//! assert_eq!(balloon.size(), balloon.target()?);      // the host has got its 32 MiB
//!
//! // Before the machine sleeps:
//! let frozen = balloon.freeze(&mut Spin::default())?;
//! # assert_eq!(device.host_page_count(), 0);
//! # assert_eq!(device.violations(), []);
//! # frozen.restore()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! Every feature of the device is refused unless it is declared. [`Balloon::want`] declares one that is used when the
//! host offers it, [`Balloon::require`] one without which the driver does not start. What depends on a feature exists
//! only at a level that allows it: [`PendingDeflation::release_early`] compiles only where [`MustTellHost`] is refused.
//!
//! # Distrust
//!
//! The host is not trusted to keep the protocol. What it writes is checked before it is believed; when it breaks a rule,
//! the balloon says so ([`BalloonError::Device`]), keeps all frames that the device may still hold, and does nothing
//! more until it is reset by [`Balloon::abandon`]. No value from the device makes this crate panic, loop without end, or
//! hand out a frame twice.
//!
//! # Cargo features
//!
//! * `log`: what a kernel would log, through the `log` crate. Off by default.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

// In the order in which the documentation shows what a balloon can do.
mod unprobed;

mod service;

mod ready;

mod split;

mod frozen;

mod blocks;
mod declare;
mod error;
mod exchange;
mod frame;
mod handles;
mod hinting;
mod hold_off;
mod live;
mod operation;
mod parts;
mod platform;
mod reporting;
mod signal;
mod start;
mod statistics;
mod tracker;
mod wait;

pub use aerostat_spec as spec;
pub use aerostat_spec::balloon::StatTag;
pub use aerostat_transport as transport;
pub use declare::{
    AccessPlatform, BalloonFeature, BalloonFeatureSet, Configure, DeflateOnOom, EventIdx, FreePageHint, InOrder,
    IndirectDesc, MustTellHost, NotificationData, Options, OrderPlatform, PagePoison, PageReporting, RingPacked,
    StatsVq,
};
pub use error::{BalloonError, FrameError, ProbeError};
pub use frame::{FrameRun, FrameSize, PAGE_BYTES, Pages, Size4KiB, Size16KiB, Size64KiB};
pub use frozen::{Frozen, StillLive};
pub use handles::{Hinting, HintingHandle, Reporting, ReportingHandle, StatisticsHandle, Stats};
pub use hinting::Hinted;
pub use operation::{Deflation, Inflation, Migration, PendingDeflation};
pub use parts::{HintingOf, Of, ReportingOf, StatisticsOf};
pub use platform::{FillFrames, Frames, FreeContents, HintFrames, ManagedChange, PrivateMemory, ReportFrames};
pub use ready::Ready;
pub use reporting::Reported;
pub use service::{LiveState, Rejected, Step};
pub use signal::{On, Operation, Raised, Signal, Source};
pub use split::{Handles, Split};
pub use statistics::{Sample, Statistics, StatsRequest};
pub use unprobed::{Declaring, ProbeFailed, Undeclared, Unprobed};

/// A memory balloon in the state `S`: [`Unprobed`], [`Ready`], [`Split`] or [`Frozen`].
#[derive(Debug)]
pub struct Balloon<S> {
    state: S,
}
