//! Transports, virtqueues and the device life cycle for virtio guest drivers.
//!
//! The crate has six layers, each built on those before it:
//!
//! | layer | what it does | main items |
//! |---|---|---|
//! | registers | access to registers in memory, behind I/O ports, or by other means | [`Io`], [`MmioRegion`], [`PortRegion`] |
//! | memory | memory that the device can access | [`Dma`], [`DmaRegion`], [`Addressing`] |
//! | rings | the shared memory of a virtqueue: split and packed rings, indirect tables | [`Element`](queue::Element), [`QueueSize`](queue::QueueSize), [`Interrupts`](queue::Interrupts) |
//! | buses | access to a device over MMIO or PCI, modern and legacy | [`Transport`], [`Mmio`], [`Pci`], [`LegacyMmio`], [`LegacyPci`], [`Either`] |
//! | queues | virtqueues: adding buffers, checking used buffers, notifications | [`VirtQueue`], [`BufferQueue`], [`RequestQueue`] |
//! | device | life cycle, feature negotiation, set-up of queues, configuration space | [`Device`], [`Config`], [`Numbering`] |
//!
//! A driver for any virtio device takes a transport and goes through the states of the device:
//!
//! ```text
//! take ─▶ Resetting ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ Ending ─▶ transport
//! ```
//!
//! Queues are set up in `FeaturesOk` and can notify the device in `Live`. An error on the way sets FAILED and returns the
//! transport.
//!
// The example needs a crate that is not a dependency of the published crate.
#![cfg_attr(aerostat_workspace, doc = "```")]
#![cfg_attr(not(aerostat_workspace), doc = "```ignore")]
//! use aerostat_spec::balloon;
//! use aerostat_transport::{Device, Mmio, Spin};
//!
//! # use aerostat_device::{BalloonDevice, TestPlatform};
//! # let balloon = BalloonDevice::builder().inline().start()?;
//! # let registers = balloon.registers();
//! # let mut dma = TestPlatform::<aerostat_balloon::Size4KiB>::of(&balloon)?;
//! aerostat_spec::feature_set! {
//!     /// No features. A driver adds a line for each feature that it uses.
//!     struct Declared for balloon {}
//! }
//!
//! let bus = Mmio::new(registers).map_err(|(_, error)| error)?;
//! let device = Device::<_, balloon::Device, _>::take(bus)?.wait(&mut Spin::default()).map_err(|(_, error)| error)?;
//! let mut device = device.acknowledge().driver().negotiate::<Declared>()?;
//! // Up to 8 buffers of 1 KiB each, as many as the device's queue allows, but at least 1.
//! let queue = device.buffer_queue::<_, 8>(balloon::queue::Inflate, 1, 1024, &mut dma)?;
//!
//! let device = device.go_live();
//! let mut queue = queue.enable(&device);
//! let sent = queue.send(|buffer| {
//!     buffer.sequence(0x1000, 256); // the numbers 0x1000 to 0x10ff
//! })?;
//! queue.notify();
//! # balloon.settle(std::time::Duration::from_secs(5))?;
//! // After the device's interrupt:
//! let used = queue.pop()?;
//! assert_eq!(used.map(|used| used.token), sent);
//! # assert_eq!(balloon.host_page_count(), 256);
//!
//! let (_bus, proof) = device.reset().wait(&mut Spin::default()).map_err(|(_, error)| error)?;
//! queue.release(&proof, &mut dma).expect("the queue is of this device");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A kernel implements [`Dma`], and for PCI [`MapBar`](pci::MapBar), which may be a closure. The crate does not use an allocator.
//!
//! The Cargo features `pci` and `legacy`, which are on by default, include the PCI transport and the interface before VIRTIO 1.0.
//!
//! Everything that the device can write is checked. A device that breaks the protocol causes a [`DeviceError`]; it cannot cause
//! a panic, an endless loop, or the release of memory that it may still use.
#![no_std]

#[cfg(all(test, loom))]
extern crate std;

mod barrier;
mod bus;
mod device;
mod dma;
#[cfg(all(test, loom))]
mod interleavings;
mod io;
pub mod queue;
mod ring;
mod sync;

pub use aerostat_spec as spec;
#[cfg(feature = "pci")]
pub use pci_types;

#[cfg(feature = "legacy")]
pub use self::bus::LegacyMmio;
#[cfg(all(feature = "legacy", feature = "pci"))]
pub use self::bus::pci::LegacyPci;
#[cfg(feature = "pci")]
pub use self::bus::pci::{self, Pci};
pub use self::bus::{
    BusError, BusMaster, ConfigError, ConfigIo, Either, FeatureBits, Features, InterfaceKind, InterruptSource,
    InterruptStatus, Legacy, LegacyConfig, Mmio, MmioConfig, MmioError, MmioInterrupt, MmioNotifier, Modern, Notifier,
    QueueReset, SharedMemory, Status, Transport,
};
pub use self::device::{
    Acknowledged, Config, Device, Ending, FeaturesOk, InUse, Live, Negotiating, Numbering, Offer, ParkedQueues,
    ProbeFailed, Reset, Resetting, Setup, SetupError, SetupFailed, Snapshot, Spin, Wait,
};
pub use self::dma::{Addressing, DeviceAddress, Dma, DmaDomain, DmaRegion, MapError};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub use self::io::CpuPorts;
pub use self::io::{InDomain, Io, MmioRegion, PortRegion, Ports, Window};
pub use self::queue::{BufferQueue, DeviceError, LiveProof, QueueError, RequestQueue, ResetProof, VirtQueue};
