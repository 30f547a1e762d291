//! Tests of negotiation, with examples and properties.

extern crate std;

use proptest::prelude::*;
use std::format;
use std::string::ToString as _;

use crate::reserved::feature::{EventIdx, Version1};
use crate::{Accepted, FeatureEntry, FeatureSet, FeatureTable, NegotiateError};

crate::virtio_device! {
    device lamp = 63 {
        features {
            base = 0,
            left = 1 requires base,
            right = 2 requires base,
            both = 3 requires left + right,
            plain = 4,
            either = 5 requires right or plain,
            far = 63 requires both,
        }
    }
}

use lamp::feature::{Base, Both, Either, Far, Left, Plain, Right};

/// Unit structs that declare features of `lamp` and reserved features.
macro_rules! declare {
    ($($name:ident { $($feature:path: $requirement:ident),* })*) => {
        $(crate::feature_set! { struct $name for lamp { $($feature: $requirement),* } })*
    };
}

declare! {
    Nothing {}
    AllOptional {
        Base: Optional, Left: Optional, Right: Optional, Both: Optional, Plain: Optional, Either: Optional, Far: Optional
    }
    AllRequired { Base: Required, Left: Required, Right: Required, Both: Required, Plain: Required, Far: Required }
    Mixed { Base: Optional, Left: Required, Both: Optional, Far: Optional, Version1: Required }
    LeafRequired { Base: Optional, Left: Optional, Right: Optional, Both: Required, EventIdx: Optional }
    WithoutPrerequisites { Both: Optional, Plain: Optional, Far: Optional }
    EitherRequired { Base: Optional, Right: Optional, Plain: Optional, Either: Required }
}

const ALL: u64 = u64::MAX;

#[test]
fn undeclared_features_are_not_accepted() {
    // SAFETY: the proofs are not used with a device.
    assert_eq!(unsafe { Accepted::<Nothing>::negotiate(ALL, ALL) }.map(|accepted| accepted.bits()), Ok(0));
}

#[test]
fn optional_feature_is_accepted_if_offered() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<AllOptional>::negotiate(0b1_0001, ALL) }.expect("nothing is required");
    assert_eq!(accepted.bits(), 0b1_0001);
    assert_eq!(accepted.offered(), 0b1_0001);
    assert!(accepted.has(Plain));
    assert!(!accepted.has(Left));
    assert!(accepted.proof(Plain).is_some());
    assert!(accepted.proof(Left).is_none());
}

// conformance: core.feature.2, core.feature.3
#[test]
fn optional_feature_without_prerequisite_is_not_accepted() {
    // `left` needs `base`, `both` needs `left`, `far` needs `both`: all go.
    // `either` needs `right`, which goes, or `plain`, which stays.
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<AllOptional>::negotiate(ALL & !0b1, ALL) }.expect("nothing is required");
    assert_eq!(accepted.bits(), 0b11_0000);
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<AllOptional>::negotiate(ALL & !0b1_0001, ALL) }.expect("nothing is required");
    assert_eq!(accepted.bits(), 0);
}

// conformance: core.feature.2
#[test]
fn undeclared_prerequisite_is_missing() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<WithoutPrerequisites>::negotiate(ALL, ALL) }.expect("nothing is required");
    assert_eq!(accepted.bits(), 0b1_0000);
}

#[test]
fn required_feature_must_be_offered() {
    // SAFETY: the proofs are not used with a device.
    let error = unsafe { Accepted::<Mixed>::negotiate(0b1, ALL) }.expect_err("`left` is not offered");
    assert_eq!(error, NegotiateError::NotOffered { name: "VIRTIO_LAMP_F_LEFT", bit: 1, offered: 0b1 });
    assert_eq!(
        error.to_string(),
        "the device does not offer VIRTIO_LAMP_F_LEFT (bit 1), which the driver requires (offered: 0x1)"
    );
}

#[test]
fn required_feature_must_be_supported() {
    // SAFETY: the proofs are not used with a device.
    let error = unsafe { Accepted::<Mixed>::negotiate(ALL, 0b1111) }.expect_err("the transport is legacy");
    assert_eq!(error, NegotiateError::Unsupported { name: "VIRTIO_F_VERSION_1", bit: 32 });
}

// conformance: core.feature.2, core.feature.3
#[test]
fn required_feature_must_have_its_prerequisites() {
    // SAFETY: the proofs are not used with a device.
    let error = unsafe { Accepted::<LeafRequired>::negotiate(ALL & !0b10, ALL) }.expect_err("`left` is not offered");
    assert_eq!(error, NegotiateError::Prerequisite { name: "VIRTIO_LAMP_F_BOTH", bit: 3, missing: 0b10 });
}

#[test]
fn proof_of_a_required_feature_is_not_an_option() {
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<AllRequired>::negotiate(ALL, ALL) }.expect("all features are offered");
    let proof: crate::Negotiated<Far> = accepted.proof(Far);
    assert_eq!(format!("{proof:?}"), "Negotiated(PhantomData<aerostat_spec::negotiate::tests::lamp::feature::Far>)");
}

fn entries<S: FeatureSet>() -> impl Iterator<Item = &'static FeatureEntry> {
    <S::Device as FeatureTable>::ENTRIES.iter().chain(<S::Reserved as FeatureTable>::ENTRIES)
}

/// Returns whether the mask has the prerequisites of all its features.
fn closed<S: FeatureSet>(bits: u64) -> bool {
    entries::<S>().filter(|entry| bits & entry.mask() != 0).all(|entry| entry.missing(bits) == 0)
}

/// Returns the largest closed subset of the mask, by trying all subsets.
fn largest_closed<S: FeatureSet>(bits: u64) -> u64 {
    // Enumerates all subsets, from the mask itself down to the empty one.
    let mut subset = bits;
    loop {
        if closed::<S>(subset) {
            return subset;
        }
        subset = subset.wrapping_sub(1) & bits;
    }
}

fn check<S: FeatureSet + core::fmt::Debug>(offered: u64, supported: u64, unknown: u64) -> Result<(), TestCaseError> {
    let usable = offered & supported & S::DECLARED;
    let known = entries::<S>().map(FeatureEntry::mask).sum::<u64>();
    // SAFETY: the proofs are not used with a device.
    let outcome = unsafe { Accepted::<S>::negotiate(offered, supported) };
    // SAFETY: the proofs are not used with a device.
    let more = unsafe { Accepted::<S>::negotiate(offered | (unknown & !known), supported) };
    match outcome {
        Ok(accepted) => {
            let bits = accepted.bits();
            prop_assert_eq!(bits & !usable, 0, "only features that are offered, supported and declared");
            prop_assert_eq!(S::REQUIRED & !bits, 0, "all required features");
            prop_assert!(closed::<S>(bits), "no feature without its prerequisites");
            prop_assert_eq!(bits, largest_closed::<S>(usable), "as many features as possible");
            prop_assert_eq!(more.map(|more| more.bits()), Ok(bits), "unknown bits have no effect");
        }
        Err(_) => {
            prop_assert_ne!(S::REQUIRED & !largest_closed::<S>(usable), 0, "a failure has a cause");
            prop_assert!(more.is_err(), "unknown bits have no effect");
        }
    }
    Ok(())
}

/// Masks in which three of four bits are set on average.
fn offers() -> impl Strategy<Value = u64> {
    (any::<u64>(), any::<u64>()).prop_map(|(a, b)| a | b)
}

proptest! {
    #[test]
    fn negotiation_accepts_the_largest_allowed_set(offered in offers(), supported in offers(), unknown: u64) {
        check::<Nothing>(offered, supported, unknown)?;
        check::<AllOptional>(offered, supported, unknown)?;
        check::<AllRequired>(offered, supported, unknown)?;
        check::<Mixed>(offered, supported, unknown)?;
        check::<LeafRequired>(offered, supported, unknown)?;
        check::<WithoutPrerequisites>(offered, supported, unknown)?;
        check::<EitherRequired>(offered, supported, unknown)?;
    }
}

/// The same properties, with bits above 63.
mod wide {
    use super::*;
    use crate::negotiate::wide;
    use crate::wide::WideEntry;

    crate::virtio_device! {
        device tower = 62 {
            features {
                base = 0,
                middle = 64 requires base,
                side = 65,
                top = 127 requires middle + side,
                low = 1 requires top or side,
                either = 100 requires low or top,
            }
        }
    }

    use tower::feature::{Base, Either, Low, Middle, Side, Top};

    crate::feature_set! {
        struct Optional6 for tower {
            Base: Optional, Middle: Optional, Side: Optional, Top: Optional, Low: Optional, Either: Optional
        }
    }
    crate::feature_set! { struct TopRequired for tower { Base: Optional, Middle: Optional, Side: Required, Top: Required } }

    fn entries() -> &'static [WideEntry] {
        <tower::Features as FeatureTable>::WIDE
    }

    fn closed(bits: u128) -> bool {
        let has = |mask: u128| bits & mask == mask;
        entries()
            .iter()
            .filter(|entry| has(1 << entry.bit))
            .all(|entry| has(entry.requires) && entry.requires_any.iter().all(|group| bits & group != 0))
    }

    /// Returns the largest closed subset of the features in the mask, by trying all subsets of the six features.
    fn largest_closed(bits: u128) -> u128 {
        let subsets = (0_u32..1 << entries().len()).map(|chosen| {
            let bit = |(at, entry): (usize, &WideEntry)| u128::from(chosen >> at & 1) << entry.bit;
            entries().iter().enumerate().map(bit).sum::<u128>()
        });
        let subsets = subsets.filter(|subset| subset & !bits == 0 && closed(*subset));
        subsets.max_by_key(|subset| subset.count_ones()).unwrap_or(0)
    }

    fn check<S: FeatureSet + core::fmt::Debug>(offered: u128, supported: u128) -> Result<(), TestCaseError> {
        let usable = offered & supported & wide::whole(S::DECLARED, S::DECLARED_HIGH);
        let required = wide::whole(S::REQUIRED, S::REQUIRED_HIGH);
        // SAFETY: the proofs are not used with a device.
        match unsafe { Accepted::<S>::negotiate_wide(offered, supported) } {
            Ok(accepted) => {
                let bits = wide::whole(accepted.bits(), accepted.high_bits());
                prop_assert_eq!(bits, largest_closed(usable), "as many features as possible");
                prop_assert_eq!(required & !bits, 0, "all required features");
                prop_assert_eq!(wide::whole(accepted.offered(), accepted.offered_high()), offered);
            }
            Err(_) => prop_assert_ne!(required & !largest_closed(usable), 0, "a failure has a cause"),
        }
        Ok(())
    }

    fn masks() -> impl Strategy<Value = u128> {
        (any::<u128>(), any::<u128>()).prop_map(|(a, b)| a | b)
    }

    proptest! {
        #[test]
        fn negotiation_accepts_the_largest_allowed_set(offered in masks(), supported in masks()) {
            check::<Optional6>(offered, supported)?;
            check::<TopRequired>(offered, supported)?;
        }
    }
}
