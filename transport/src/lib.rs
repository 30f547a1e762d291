//! Device life cycle, feature negotiation, virtqueues and buses for virtio guest drivers.
//!
//! A driver for any virtio device is built in four steps:
//!
//! 1. **Reach the registers.** [`Io`] is how; [`MmioRegion`] is volatile memory access, [`PortRegion`] port I/O.
//! 2. **Name the bus.** [`Mmio`] and [`Pci`] are [`Transport`]s over any [`Io`], [`LegacyMmio`] and [`LegacyPci`] those of the
//!    legacy interface; [`Either`] chooses at run time.
//! 3. **Bring the device to life.** [`Device`] goes through the states of the specification, each consuming the last:
//!
//!    ```text
//!    take ─▶ Reset ─▶ Acknowledged ─▶ Negotiating ─▶ FeaturesOk ─▶ Live ─▶ reset
//!    ```
//!
//!    Queues can be set up only in `FeaturesOk`, and notified only when `Live`; whatever goes wrong on the way sets
//!    FAILED and hands the transport back.
//! 4. **Exchange buffers.** [`BufferQueue`] sends and receives bytes, without `unsafe`; [`VirtQueue`] exchanges any memory.
//!
//! ```
//! use aerostat_spec::{FeaturePair, balloon, reserved};
//! use aerostat_transport::{BufferQueue, Device, Mmio};
//!
//! # use aerostat_device::{BalloonDevice, TestPlatform};
//! # let balloon = BalloonDevice::builder().inline().start()?;
//! # let registers = balloon.registers();
//! # let mut dma = TestPlatform::<aerostat_balloon::Size4KiB>::of(&balloon)?;
//! /// Every feature refused. A driver with features makes them parameters of its declaration.
//! type Declared = FeaturePair<balloon::Features, reserved::Features>;
//!
//! let bus = Mmio::new(registers).map_err(|(_, error)| error)?;
//! let device = Device::<_, balloon::Device, _>::take(bus)?;
//! let mut device = device.acknowledge().driver().negotiate::<Declared>()?;
//! // At least one buffer, at most 8, each of 1 KiB.
//! let queue: BufferQueue<_, 8> = device.buffer_queue(balloon::queue::Inflate, 1, 1024, &mut dma)?;
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
//! let (_bus, proof) = device.reset().map_err(|(_, error)| error)?;
//! queue.release(&proof, &mut dma).expect("the queue is of this device");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a kernel implements: [`Dma`], and for PCI [`MapBar`](pci::MapBar) (a closure will do). Nothing here needs an allocator.
//!
//! All that a device can write is checked before it is believed. A device that breaks the protocol gets a
//! [`DeviceError`]; it cannot make this crate panic, loop or give memory away that it may still be using.
#![no_std]

mod any;
mod barrier;
mod config;
mod dma;
mod guard;
mod interface;
mod io;
mod lifecycle;
mod mmio;
mod numbering;
pub mod pci;
mod ports;
pub mod queue;
mod region;
mod registers;
mod setup;
mod status;
mod transport;
mod wait;

pub use aerostat_spec as spec;
pub use any::Either;
pub use config::{Config, ConfigError, ConfigIo, InUse, LegacyConfig, Setup};
pub use dma::{Addressing, DeviceAddress, Dma, DmaRegion};
pub use interface::{FeatureBits, InterfaceKind, Legacy, Modern};
pub use io::Io;
pub use lifecycle::{Acknowledged, Device, FeaturesOk, Live, Negotiating, Reset, ResetProof};
pub use mmio::{LegacyMmio, Mmio, MmioConfig, MmioError, MmioInterrupt, MmioNotifier};
pub use numbering::Numbering;
pub use pci::{LegacyPci, Pci};
pub use pci_types;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
pub use ports::CpuPorts;
pub use ports::{PortRegion, Ports};
pub use queue::{BufferQueue, DeviceError, QueueError, VirtQueue};
pub use region::{MmioRegion, Window};
pub use setup::{Offer, SetupError, SetupFailed};
pub use status::Status;
pub use transport::{BusError, Features, InterruptSource, InterruptStatus, Notifier, QueueReset, Transport};
pub use wait::{Spin, Wait};

/// The reserved features that the transports and rings of this crate know, besides VIRTIO_F_VERSION_1.
const SUPPORTED: u64 = {
    use aerostat_spec::Feature;
    use aerostat_spec::reserved::feature::{
        AccessPlatform, InOrder, NotificationData, OrderPlatform, RingPacked, RingReset,
    };
    let ordered = if barrier::ORDERS_FOR_PLATFORM { 1 << OrderPlatform::BIT } else { 0 };
    let rings = 1 << RingPacked::BIT | 1 << InOrder::BIT | 1 << NotificationData::BIT | 1 << RingReset::BIT;
    SUPPORTED_LEGACY | rings | 1 << AccessPlatform::BIT | ordered
};

/// Those of the legacy interface, besides VIRTIO_F_ANY_LAYOUT.
const SUPPORTED_LEGACY: u64 = {
    use aerostat_spec::Feature;
    use aerostat_spec::reserved::feature::{EventIdx, IndirectDesc};
    1 << EventIdx::BIT | 1 << IndirectDesc::BIT
};
