//! A virtio memory balloon driver for Rust kernels ("Traditional Memory Balloon Device", 5.5).
//!
//! The host takes memory from a guest by inflating a balloon inside it: the driver allocates free frames from the kernel and
//! tells the host, which uses that memory elsewhere until it deflates the balloon again.
//!
//! ```text
//!  new() ──▶ Unprobed ──probe()──▶ Ready ──freeze()──▶ Frozen ──into_parts()──▶ transport and platform
//!                                   ▲                    │
//!                                   └─────restore()──────┘
//! ```
//!
//! [`Ready`] is a live balloon. Each call of [`service`](Balloon::service) makes one bounded step toward the target.
//!
//! # What a kernel implements
//!
//! * [`Frames`]: the page-frame allocator, and memory for the state of the driver.
//! * [`Dma`](transport::Dma): memory that the device can reach.
//!
//! The transports for MMIO and PCI exist; another bus is an implementation of [`Transport`](transport::Transport). Each
//! feature may need one more trait, see [`feature`].
//!
//! # Which calls wait
//!
//! A call that takes a [`Wait`](transport::Wait) waits through it and in no other way. No other call waits: each does a bounded
//! number of register accesses. [`probe`](Balloon::probe), [`restore`](Balloon::restore), [`freeze`](Balloon::freeze),
//! [`reset`](Balloon::reset) and [`abandon`](Balloon::abandon) can be repeated after `Wait` gave up, and continue. With a `Wait`
//! that gives up at once they are the forms for a kernel that polls.
//!
//! # When the device stops working
//!
//! | error | cause | recovery |
//! |---|---|---|
//! | [`DeviceError::HostReset`](transport::DeviceError::HostReset) | the host or the firmware has reset the device | [`reset`](Balloon::reset), then [`restore`](Balloon::restore) |
//! | [`DeviceError::NeedsReset`](transport::DeviceError::NeedsReset), or a broken protocol | an error of the device | the same |
//! | [`BalloonError::TooManyPanics`] | panics of the kernel's code in earlier calls | [`reset`](Balloon::reset), then [`restore`](Balloon::restore) |
//! | [`BalloonError::Reset`] | the device has not finished its reset | the same call, later |
//! | [`DeviceError::Gone`](transport::DeviceError::Gone) | the device was removed | [`assume_gone`](Balloon::assume_gone), if the kernel knows that the device is cut off from memory |
//!
//! Every call returns such an error, also that of a handle, and after one read of the status. [`abandon`](Balloon::abandon) is
//! `reset` in place, also for a split balloon. A device that does not answer at all returns no error:
//! [`in_flight`](Balloon::in_flight) and [`progress`](Balloon::progress) show it, and [`notify_again`](Balloon::notify_again)
//! repeats a notification that was lost.
//!
//! # Example
//!
//! A kernel with identity-mapped memory and a simple allocator:
//!
// The example needs a crate that is not a dependency of the published crate.
#![cfg_attr(aerostat_workspace, doc = "```")]
#![cfg_attr(not(aerostat_workspace), doc = "```ignore")]
//! use core::{alloc::Layout, ops::Range, ptr::NonNull};
//! use aerostat_balloon::transport::{Dma, DmaRegion, Mmio, Spin};
//! use aerostat_balloon::{Balloon, FrameRun, Frames, Options, PrivateMemory, Reserve, Size4KiB, Step, features};
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
//!     fn free_frames(&self) -> u64 {
//!         self.free.iter().map(|range| range.end - range.start).sum()
//!     }
//!     fn allocate(&mut self, max: u32) -> Option<FrameRun<Size4KiB>> {
//!         let range = self.free.iter_mut().find(|range| !range.is_empty())?;
//!         let (first, count) = (range.start, max.min((range.end - range.start) as u32));
//!         range.start += u64::from(count);
//!         // SAFETY: the frames were free, and are no longer in the list of free frames.
//!         Some(unsafe { FrameRun::from_raw(first, count) })
//!     }
//!     fn deallocate(&mut self, run: FrameRun<Size4KiB>) {
//!         self.free.push(run.first()..run.first() + u64::from(run.count()));
//!     }
//!     fn allocate_private(&mut self, words: usize) -> Option<&'static mut [u64]> {
//!         Some(Box::leak(vec![0; words].into_boxed_slice()))
//!     }
//!     unsafe fn deallocate_private(&mut self, memory: PrivateMemory) {
//!         // SAFETY: `allocate_private` leaked it as a box.
//!         drop(unsafe { Box::from_raw(memory.into_raw().as_ptr()) });
//!     }
//! }
//!
//! // SAFETY: each call returns different memory, which driver and device see at the same address.
//! unsafe impl Dma for Kernel {
//!     fn alloc(&mut self, layout: Layout) -> Option<DmaRegion> {
//! #       let end = self.dma;
//! #       self.dma = (end - layout.size() as u64) & !(layout.align() as u64 - 1);
//! #       let physical = self.dma;
//! #       let to_virtual = |_physical: u64| self.memory.pointer(physical, layout.size());
//! #       /*
//!         let physical = self.allocate_dma(layout)?;
//! #       */
//!         let start: NonNull<u8> = to_virtual(physical)?;
//!         // SAFETY: nothing else uses this memory, see above.
//!         Some(unsafe { DmaRegion::new(start, physical, layout) })
//!     }
//!     fn free(&mut self, _region: DmaRegion) {}
//! }
//!
//! features! {
//!     /// What this kernel uses of the balloon.
//!     struct KernelFeatures { MustTellHost: Optional }
//! }
//!
//! # let device = aerostat_device::BalloonDevice::builder().inline().start()?;
//! # let memory = device.memory().clone();
//! # let kernel = Kernel { free: vec![256..15000], memory, dma: 64 << 20 };
//! # let registers = device.registers();
//! # device.set_target(8192);
//! let bus = Mmio::new(registers).map_err(|(_, error)| error)?;
//! let options = Options::new(KernelFeatures).reserve(Reserve::Percent(5));
//! let mut balloon = Balloon::new(bus, kernel, options)?.probe(&mut Spin::default())?;
//!
//! // In the kernel's work queue, after every interrupt of the device:
//! while let Step::Waiting = balloon.service()? {
//!     // … the device has work to do: wait for its interrupt …
//! }
//! assert_eq!(balloon.size(), balloon.target()?);      // the host has 32 MiB
//!
//! // Before the machine sleeps:
//! let frozen = balloon.freeze(&mut Spin::default())?;
//! # assert_eq!(device.host_page_count(), 0);
//! # assert_eq!(device.violations(), []);
//! # frozen.restore(&mut Spin::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! A kernel declares the features that it uses once, with [`features!`]. A feature that is not declared is never negotiated,
//! and its code is not linked. Methods that depend on a feature exist only if it is declared. For instance,
//! [`release_early`](ops::PendingDeflation::release_early) compiles only without [`MustTellHost`](feature::MustTellHost).
//! Values that go with features are [`Options`].
//!
//! # Modules
//!
//! The root has what a first program needs. The rest is in modules:
//!
//! | module | contents |
//! |---|---|
//! | [`feature`] | the features that a kernel can declare |
//! | [`platform`] | what a kernel implements for features: statistics, blocks to report or hint, filling frames |
//! | [`ops`] | inflations, deflations and migrations in progress, and the pauses of [`Step`] |
//! | [`handles`] | the parts of a [split](Balloon::split) balloon |
//! | [`error`] | errors that return what a failed call consumed, and the reasons in them |
//! | [`transport`] and [`spec`] | the crates that this one builds on |
//!
//! # Memory
//!
//! A balloon is a few words in size and cheap to move. Its state is in private memory that it allocates once, in
//! [`Balloon::new`]: about 5 KiB, one bit for each frame of the kernel, and one bit for each block of reporting and hinting. Block
//! inflation takes two more for each block of reporting.
//!
//! # Trust
//!
//! The driver does not trust the host. It checks every value that the device writes. When the device breaks the protocol, the
//! driver returns [`BalloonError::Device`], keeps all frames that the device may still use, and does nothing more until
//! [`Balloon::reset`]. No value from the device makes this crate panic, loop without a bound, or return a frame twice.
//!
//! # Cargo features
//!
//! * `pci`: the PCI transport. On by default.
//! * `legacy`: the interface before VIRTIO 1.0. On by default.
//! * `log`: log messages through the `log` crate. Off by default; nothing is compiled without it.
//!
//! | level | message |
//! |---|---|
//! | error | a failed probe, reset or step, also of a handle: once until the error changes; a drop that leaks memory |
//! | warn | frames that were rejected, a poison value that was not taken, a device that was given up by `assume_gone` |
//! | info | a probe, with the transport, the features and the queue numbers; the first target; resets; deflation on OOM; pauses |
//! | debug | new targets |
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../README.md")]
mod readme {}

#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../docs/src/troubleshooting.md")]
mod troubleshooting {}

#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../docs/src/porting.md")]
mod porting {}

#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../docs/src/life-cycle.md")]
mod life_cycle {}

#[cfg(all(doctest, aerostat_workspace))]
#[doc = include_str!("../../docs/src/testing.md")]
mod testing {}

#[macro_use]
mod messages;

mod core;
pub mod error;
mod features;
mod frames;
#[cfg(all(test, loom))]
mod interleavings;
mod layout;
mod memory;
pub mod ops;
mod options;
mod parts;
pub mod platform;
mod probe;
mod queues;
mod signal;
mod state;
mod sync;
mod units;

pub use aerostat_spec as spec;
pub use aerostat_transport as transport;

pub use self::error::causes::{BalloonError, ProbeError};
pub use self::features::{BalloonFeatureSet, NoFeatures, Platform, feature};
pub use self::ops::live::LiveState;
pub use self::ops::service::Step;
pub use self::options::{Options, Reserve};
pub use self::platform::frames::{Frames, PrivateMemory};
pub use self::signal::{Signal, Source};
pub use self::state::{Balloon, Frozen, Handles, Ready, Split, Unprobed};
pub use self::units::{FrameRun, FrameSize, Pages, Size4KiB, Size16KiB, Size64KiB};

/// The handles of a [split](Balloon::split) balloon, and what their calls and those of a whole balloon return.
pub mod handles {
    pub use crate::parts::QueueNumbers;
    pub use crate::queues::{Progress, StatsRequest};
    pub use crate::state::{HintingHandle, ReportingHandle, StatisticsHandle};
}

/// Internals for the benchmarks of this workspace. Not part of the API.
#[doc(hidden)]
pub mod internals {
    pub use crate::frames::{Cursor, FrameBitmap, Run, RunMerger, SetError, WordBits};
}
