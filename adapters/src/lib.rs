//! Connects the balloon driver to the allocators that Rust kernels use.
//!
//! A balloon needs a *platform*: a type with [`Frames`](aerostat_balloon::Frames), the page-frame allocator, and
//! [`Dma`](aerostat_balloon::transport::Dma), memory that the device can reach. [`KernelPlatform`] joins one of each:
//!
//! | the kernel has | frames | DMA memory | Cargo feature |
//! |---|---|---|---|
//! | functions that allocate and free a physical range | [`FrameFunctions`] | [`FrameDma`] | |
//! | `bitmap_allocator::BitAlloc` | `BitmapFrames` | [`FrameDma`] | `bitmap-allocator` |
//! | `buddy_system_allocator::FrameAllocator` | `BuddyFrames` | [`FrameDma`] | `buddy-system-allocator` |
//! | free memory that is the heap (`GlobalAlloc`) | [`HeapFrames`] | [`HeapDma`] | |
//! | `virtio_drivers::Hal` | one of the above | `HalDma` | `virtio-drivers` |
//!
//! The first four implement [`FrameAllocator`]; [`KernelFrames`] makes [`Frames`](aerostat_balloon::Frames) of each. For another
//! allocator, implement [`FrameAllocator`]: two methods.
//!
//! The *private memory* of the driver is a few KiB and one bit for each frame. It comes from [`GlobalMemory`] (Cargo feature
//! `alloc`), [`HeapMemory`] or [`StaticMemory`].
//!
//! # Example
//!
//! A kernel with functions for physical memory, and a direct map of it at `DIRECT_MAP`:
//!
// The example needs a crate that is not a dependency of the published crate.
#![cfg_attr(all(aerostat_workspace, feature = "alloc"), doc = "```")]
#![cfg_attr(not(all(aerostat_workspace, feature = "alloc")), doc = "```ignore")]
//! use aerostat_adapters::{FrameDma, FrameFunctions, GlobalMemory, KernelFrames, KernelPlatform};
//! use aerostat_balloon::transport::{Mmio, Spin};
//! use aerostat_balloon::{Balloon, Options, Reserve, Step, features};
//! # use std::sync::Mutex;
//! # static FREE: Mutex<Vec<u64>> = Mutex::new(Vec::new());
//! # fn free_frames() -> u64 { FREE.lock().unwrap().len() as u64 }
//! # fn allocate_frames(count: u32) -> Option<u64> {
//! #     let mut free = FREE.lock().unwrap();
//! #     let at = free.len().checked_sub(count as usize)?;
//! #     let frames = free.split_off(at);
//! #     if frames.windows(2).all(|pair| pair[0] == pair[1] + 1) { return frames.last().copied() }
//! #     free.extend(frames);
//! #     None
//! # }
//! # fn deallocate_frames(first: u64, count: u32) { FREE.lock().unwrap().extend((first..first + u64::from(count)).rev()) }
//! # let device = aerostat_device::BalloonDevice::builder().memory(64 << 20).inline().start()?;
//! # FREE.lock().unwrap().extend((256..16384).rev());
//! # let direct_map = device.memory().pointer(0, 1).unwrap().as_ptr() as usize;
//! # let registers = device.registers();
//! # device.set_target(8192);
//!
//! features! { struct KernelFeatures { MustTellHost: Optional } }
//!
//! fn functions() -> FrameFunctions {
//!     // SAFETY: the frames are ordinary memory without another owner until they are deallocated. The balloon gets no others.
//!     unsafe { FrameFunctions::new(allocate_frames, deallocate_frames, free_frames) }
//! }
//!
//! let frames = KernelFrames::new(functions(), 0..16384, GlobalMemory);
//! // SAFETY: all memory is mapped at `direct_map`.
//! let dma = unsafe { FrameDma::new(functions(), direct_map) };
//! let platform = KernelPlatform::new(frames, dma);
//!
//! let options = Options::new(KernelFeatures).reserve(Reserve::Percent(5));
//! let transport = Mmio::new(registers).map_err(|(_, error)| error)?;
//! let mut balloon = Balloon::new(transport, platform, options)?.probe(&mut Spin::default())?;
//! while balloon.service()? == Step::Waiting {}
//! # assert_eq!(device.host_page_count(), 8192);
//! # drop(balloon);
//! # assert_eq!(free_frames(), 16384 - 256);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;

#[cfg(feature = "bitmap-allocator")]
mod bitmap;
#[cfg(feature = "buddy-system-allocator")]
mod buddy;
mod dma;
mod frames;
mod functions;
#[cfg(feature = "virtio-drivers")]
mod hal;
mod heap;
#[cfg(any(feature = "bitmap-allocator", feature = "buddy-system-allocator"))]
mod lock;
mod owned;
mod platform;
mod private;

#[cfg(feature = "bitmap-allocator")]
pub use self::bitmap::BitmapFrames;
#[cfg(feature = "buddy-system-allocator")]
pub use self::buddy::BuddyFrames;
pub use self::dma::FrameDma;
pub use self::frames::{FrameAllocator, KernelFrames};
pub use self::functions::FrameFunctions;
#[cfg(feature = "virtio-drivers")]
pub use self::hal::HalDma;
pub use self::heap::{HeapDma, HeapFrames, HeapMemory};
pub use self::platform::KernelPlatform;
#[cfg(feature = "alloc")]
pub use self::private::GlobalMemory;
pub use self::private::{PrivateAllocator, StaticMemory};
