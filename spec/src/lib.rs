//! The VIRTIO specification as data, and the typed bindings made from it.
//!
//! A device type is described in a few lines ([`virtio_device!`] in place, [`virtio_spec!`] in a file), and the macro
//! makes of it what a driver needs:
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
//!             /// How bright the lamp can be.
//!             brightest: le16 read,
//!             /// How bright it is.
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
//! let accepted = Accepted::<Declared>::negotiate(0b1, u64::MAX)?;
//!
//! // The field `level` depends on the feature, so access to it takes the proof that the feature was negotiated.
//! let level = accepted.proof(Dimming).map(lamp::config::Level::given);
//! assert_eq!(level.map(Field::offset), Some(2));
//!
//! // Layouts are zerocopy types, and enums survive what they do not know.
//! assert_eq!(lamp::Command::new(7, lamp::Action::On.to_raw()).lamp.get(), 7);
//! assert_eq!(lamp::Action::from_raw(9), lamp::Action::Unknown(9));
//! # Ok::<(), aerostat_spec::NegotiateError>(())
//! ```
//!
//! | a description has | the module of the device gets |
//! |---|---|
//! | `device` | `Device`, which implements [`Device`] |
//! | `features` | `feature::…`, one type each ([`Feature`]); the mask `FeatureBits` |
//! | `queues` | `queue::…`, one type each ([`Queue`]) |
//! | `config`, `registers` | a module with `Space` ([`Block`]) and one type for each field ([`Field`]) |
//! | `struct` | a [zerocopy](https://docs.rs/zerocopy) structure, generic over the byte order where that depends on the interface |
//! | `enum`, `bits`, `const` | an enum with a variant for unknown values; a [bit field](https://docs.rs/bitfield-struct); a constant |
//!
//! This crate describes the devices [`balloon`], [`block`], [`net`] and [`console`], the features that all devices share
//! ([`reserved`]), the device status ([`status`]), the virtqueues ([`ring`]), and the registers of the MMIO and PCI
//! transports ([`mmio`], [`pci`]). A driver may bring the description of its own device, as `aerostat-entropy` does.
//!
//! It does no input or output: what the place of a field is used for is up to a transport. It needs neither `std` nor an
//! allocator.
#![no_std]

#[macro_use]
mod feature_set;
#[macro_use]
mod macros;

#[doc(hidden)]
pub mod __private;
mod device;
mod feature;
mod field;
mod negotiate;
mod requirement;
mod requirement_table;

pub use device::{Device, DeviceId, Queue, QueueSpec};
pub use feature::{Feature, OfDevice, Reserved};
#[doc(hidden)]
pub use feature::{FeatureEntry, FeatureTable};
#[doc(hidden)]
pub use feature_set::{FeaturePair, HasFeature, WithFeature};
pub use feature_set::{FeatureSet, RequirementOf};
pub use field::{Block, Field, Interface, Le, Native, Readable, Settable, Wire, Writable};
pub use negotiate::{Accepted, NegotiateError, Negotiated};
pub use requirement::{Absent, Available, NotDeclared, Optional, Required, Requirement, RequirementKind, Unavailable};

virtio_spec!("vspec/balloon.vspec");
virtio_spec!("vspec/block.vspec");
virtio_spec!("vspec/console.vspec");
virtio_spec!("vspec/mmio.vspec");
virtio_spec!("vspec/net.vspec");
virtio_spec!("vspec/pci.vspec");
virtio_spec!("vspec/reserved.vspec");
virtio_spec!("vspec/ring.vspec");
virtio_spec!("vspec/status.vspec");
