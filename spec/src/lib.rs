//! The VIRTIO specification as data, and typed bindings generated from it.
//!
//! A description ([`virtio_device!`] in Rust source code, [`virtio_spec!`] in a file) defines a device type in a few lines. The
//! macros generate types from it:
//!
//! ```
//! aerostat_spec::virtio_device! {
//!     /// A lamp.
//!     device lamp = 63 {
//!         features {
//!             /// The lamp can be dimmed.
//!             dimming = 0,
//!         }
//!         queues { switch = 0 }
//!         config {
//!             /// The maximum brightness.
//!             brightest: le16 read,
//!             /// The current brightness.
//!             level: le16 read write if dimming,
//!         }
//!         packed struct command { lamp: le16, action: u8 }
//!         enum action: u8 { off = 0, on = 1 }
//!     }
//! }
//!
//! use aerostat_spec::{Accepted, Field};
//! use lamp::feature::Dimming;
//!
//! // The driver declares the features that it uses. Other features are never accepted.
//! aerostat_spec::feature_set! {
//!     struct Declared for lamp { Dimming: Optional }
//! }
//!
//! // Negotiation is a pure function of the features that the device offers and the transport supports.
//! // SAFETY: the proofs are not used with a device.
//! let accepted = unsafe { Accepted::<Declared>::negotiate(0b1, u64::MAX) }?;
//!
//! // The field `level` depends on the feature, so access to it takes the proof that the feature was negotiated.
//! let level = accepted.proof(Dimming).map(lamp::config::Level::given);
//! assert_eq!(level.map(Field::offset), Some(2));
//!
//! // Layouts are zerocopy types, and enums keep unknown values.
//! assert_eq!(lamp::Command::new(7, lamp::Action::On.to_raw()).lamp.get(), 7);
//! assert_eq!(lamp::Action::from_raw(9), lamp::Action::Unknown(9));
//! # Ok::<(), aerostat_spec::NegotiateError>(())
//! ```
//!
//! | description | generated items in the module of the device |
//! |---|---|
//! | `device` | a type `Device`, which implements [`Device`] |
//! | `features` | a module `feature` with a type for each feature ([`Feature`]), and the mask `FeatureBits` ([`FeatureMask`]) |
//! | `queues` | a module `queue` with a type for each queue ([`Queue`]) |
//! | `config`, `registers` | a module with a type `Space` for the block ([`Block`]), a type for each field ([`Field`]), and an enum for each union with `by` |
//! | `struct` | a [zerocopy](https://docs.rs/zerocopy) structure; it is generic over the byte order if that depends on the interface |
//! | `request` | a type for what the driver sends ([`Request`]), and one for the answer |
//! | `enum`, `bits`, `const` | an enum with a variant for unknown values; a [bit field](https://docs.rs/bitfield-struct); a constant |
//!
//! The types of features, queues, fields and regions stand for what they describe. Only those with a value, such as the index of a
//! queue, can be compared.
//!
//! This crate has descriptions of the [`reserved`] features that all devices share, the device [`status`], the virtqueues
//! ([`ring`]), and the registers of the MMIO and PCI transports ([`mmio`], [`pci`]). For each device type it has a Cargo feature
//! with the name of the module, for instance [`balloon`] or `gpu`. All are enabled by default. A driver can contain the
//! description of its own device, as `aerostat-entropy` does.
//!
//! The crate does no I/O. It needs neither `std` nor an allocator.
#![no_std]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[macro_use]
mod macros;

#[doc(hidden)]
pub mod __private;
mod device;
pub mod direction;
mod feature;
mod feature_mask;
mod feature_set;
mod field;
mod negotiate;
mod request;
mod requirement;
mod requirement_table;
mod stored;
mod union;
mod wide;

pub use device::{ComputedQueues, Device, DeviceId, Queue, QueueSpec, SharedMemoryRegion};
pub use feature::{Feature, OfDevice, Reserved};
#[doc(hidden)]
pub use feature::{FeatureEntry, FeatureTable};
pub use feature_mask::FeatureMask;
#[doc(hidden)]
pub use feature_set::HasFeature;
pub use feature_set::{FeatureSet, RequirementOf};
pub use field::{As, Be, Block, Field, FieldReader, Interface, Le, Native, Readable, Settable, Wire, Writable};
pub use negotiate::{Accepted, NegotiateError, Negotiated};
pub use request::{AnswerError, Request, RequestError, RequestOn};
pub use requirement::{Absent, Available, NotDeclared, Optional, Required, Requirement, RequirementKind, Unavailable};
pub use stored::{Represented, Stored, StoredInt};
/// The crate of the generated structures, version 0.8. Import its traits from here, for instance
/// `use aerostat_spec::zerocopy::FromBytes`: then they are those of the structures, without a dependency of your own.
pub use zerocopy;

#[cfg(feature = "balloon")]
virtio_spec!("vspec/balloon.vspec");
virtio_spec!("vspec/mmio.vspec");
virtio_spec!("vspec/pci.vspec");
virtio_spec!("vspec/reserved.vspec");
virtio_spec!("vspec/ring.vspec");
virtio_spec!("vspec/status.vspec");

#[cfg(feature = "block")]
virtio_spec!("vspec/block.vspec");
#[cfg(feature = "can")]
virtio_spec!("vspec/can.vspec");
#[cfg(feature = "console")]
virtio_spec!("vspec/console.vspec");
#[cfg(feature = "crypto")]
virtio_spec!("vspec/crypto.vspec");
#[cfg(feature = "entropy")]
virtio_spec!("vspec/entropy.vspec");
#[cfg(feature = "fs")]
virtio_spec!("vspec/fs.vspec");
#[cfg(feature = "gpio")]
virtio_spec!("vspec/gpio.vspec");
#[cfg(feature = "gpu")]
virtio_spec!("vspec/gpu.vspec");
#[cfg(feature = "i2c")]
virtio_spec!("vspec/i2c.vspec");
#[cfg(feature = "input")]
virtio_spec!("vspec/input.vspec");
#[cfg(feature = "iommu")]
virtio_spec!("vspec/iommu.vspec");
#[cfg(feature = "media")]
virtio_spec!("vspec/media.vspec");
#[cfg(feature = "mem")]
virtio_spec!("vspec/mem.vspec");
#[cfg(feature = "net")]
virtio_spec!("vspec/net.vspec");
#[cfg(feature = "pmem")]
virtio_spec!("vspec/pmem.vspec");
#[cfg(feature = "rpmb")]
virtio_spec!("vspec/rpmb.vspec");
#[cfg(feature = "rtc")]
virtio_spec!("vspec/rtc.vspec");
#[cfg(feature = "scmi")]
virtio_spec!("vspec/scmi.vspec");
#[cfg(feature = "scsi")]
virtio_spec!("vspec/scsi.vspec");
#[cfg(feature = "sound")]
virtio_spec!("vspec/sound.vspec");
#[cfg(feature = "spi")]
virtio_spec!("vspec/spi.vspec");
#[cfg(feature = "vsock")]
virtio_spec!("vspec/vsock.vspec");
