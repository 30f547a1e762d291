//! Feature sets that `feature_set!` declares, in a crate with another name for `aerostat_spec` and without a prelude.
#![no_implicit_prelude]

extern crate aerostat_spec as renamed;

use ::std::prelude::rust_2024::*;
use ::std::{assert_eq, format};

use self::devices::lamp;
use self::renamed::FeatureSet;
use self::renamed::reserved::feature::{EventIdx, RingPacked};

/// A device, and a macro for its drivers.
mod devices {
    crate::renamed::virtio_device! {
        device lamp = 63 {
            features { dimming = 0, timer = 7 requires dimming, colour = 63 }
        }
    }

    macro_rules! features {
        ($name:ident { $($feature:path: $requirement:ident,)* }) => {
            crate::renamed::feature_set! {
                struct $name for crate::devices::lamp { $($feature: $requirement,)* }
            }
        };
    }
    pub(crate) use features;
}

renamed::feature_set! {
    /// Documentation and attributes are allowed.
    #[derive(Hash)]
    pub struct Declared for lamp {
        lamp::feature::Timer: Optional,
        crate::devices::lamp::feature::Dimming: Required,
        RingPacked: Required,
        EventIdx: Optional
    }
}
renamed::feature_set! { struct Empty for crate::devices::lamp {} }
renamed::feature_set! { pub(crate) struct Absolute for ::renamed::balloon { ::renamed::balloon::feature::StatsVq: Required } }
devices::features! { FromPaths { lamp::feature::Colour: Required, RingPacked: Optional, } }

const DIMMING: u64 = 1 << 0;
const TIMER: u64 = 1 << 7;
const EVENT_IDX: u64 = 1 << 29;
const RING_PACKED: u64 = 1 << 34;
const COLOUR: u64 = 1 << 63;

#[test]
fn masks_are_constants() {
    const REQUIRED: u64 = Declared::REQUIRED;
    const DECLARED: u64 = Declared::DECLARED;
    assert_eq!(REQUIRED, DIMMING | RING_PACKED);
    assert_eq!(DECLARED, DIMMING | TIMER | RING_PACKED | EVENT_IDX);
    assert_eq!((Empty::REQUIRED, Empty::DECLARED), (0, 0));
    assert_eq!((Absolute::REQUIRED, Absolute::DECLARED), (0b10, 0b10));
    assert_eq!((FromPaths::REQUIRED, FromPaths::DECLARED), (COLOUR, COLOUR | RING_PACKED));
}

#[test]
fn set_is_a_unit_struct() {
    assert_eq!(format!("{:?}", Declared), "Declared");
    assert_eq!(Declared, <Declared as Default>::default().clone());
}

#[test]
fn proof_has_the_type_of_the_requirement() {
    use self::renamed::{Accepted, Negotiated};

    // SAFETY: the proofs are not used with a device.
    let accepted =
        unsafe { Accepted::<Declared>::negotiate(DIMMING | RING_PACKED | EVENT_IDX, !0) }.expect("all are offered");
    let _: Negotiated<lamp::feature::Dimming> = accepted.proof(lamp::feature::Dimming);
    let timer: Option<Negotiated<lamp::feature::Timer>> = accepted.proof(lamp::feature::Timer);
    ::std::assert!(timer.is_none() && accepted.proof(EventIdx).is_some());
}

#[test]
fn undeclared_feature_is_not_accepted() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { renamed::Accepted::<Empty>::negotiate(!0, !0) }.expect("nothing is required");
    assert_eq!((accepted.bits(), accepted.offered()), (0, !0));
    ::std::assert!(!accepted.has(RingPacked));
}
