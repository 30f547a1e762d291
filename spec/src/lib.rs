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
//! use aerostat_spec::{Accepted, Field, FeaturePair, Optional, WithFeature, reserved};
//! use lamp::feature::Dimming;
//!
//! // What the driver wants is a type. Features that it does not name are refused.
//! type Declared = <FeaturePair<lamp::Features, reserved::Features> as WithFeature<Dimming, Optional>>::Out;
//!
//! // Negotiation is a pure function of what the device offers and what the transport supports.
//! let accepted = Accepted::<Declared>::negotiate(0b1, !0)?;
//!
//! // The field `level` exists for those who can prove that the feature was negotiated.
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
//! | `features` | `feature::…`, one type each ([`Feature`]); the set `Features<…>` with a level for each ([`FeatureTable`]); the mask `FeatureBits` |
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
mod macros;

#[doc(hidden)]
pub mod __private;
mod device;
mod feature;
mod field;
mod negotiate;
mod requirement;

pub use device::{Device, DeviceId, Queue, QueueSpec};
pub use feature::{
    Feature, FeatureEntry, FeatureOwner, FeaturePair, FeatureSet, FeatureTable, HasFeature, OfDevice, RequirementOf,
    Reserved, WithFeature,
};
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
