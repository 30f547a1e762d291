//! The VIRTIO specification as data, and the typed bindings made from it.
#![no_std]

#[macro_use]
mod macros;

#[doc(hidden)]
pub mod __private;
mod device;
mod feature;
mod field;
mod level;
mod negotiate;

pub use device::{Device, DeviceId, Queue, QueueSpec};
pub use feature::{
    Declaration, Declares, Feature, FeatureEntry, FeatureSet, Half, LevelOf, Levels, OfDevice, Reserved, With,
};
pub use field::{Block, Field, Interface, Le, Native, Readable, Settable, Wire, Writable};
pub use level::{Absent, Available, Demand, Level, Nothing, Refused, Required, Wanted};
pub use negotiate::{Accepted, NegotiateError, Negotiated};

virtio_spec!("vspec/balloon.vspec");
virtio_spec!("vspec/mmio.vspec");
virtio_spec!("vspec/pci.vspec");
virtio_spec!("vspec/reserved.vspec");
virtio_spec!("vspec/ring.vspec");
virtio_spec!("vspec/status.vspec");
