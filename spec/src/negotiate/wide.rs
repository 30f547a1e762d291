//! Negotiation of a device that has features with bits above 63.
//!
//! It has code of its own, so that drivers of other devices negotiate with 64 bits.

use super::error::NegotiateError;
use crate::feature::FeatureTable;
use crate::feature_set::FeatureSet;

/// A feature, and the prerequisites that it lacks.
struct Candidate {
    bit: u32,
    name: &'static str,
    missing: u128,
}

impl Candidate {
    const fn mask(&self) -> u128 {
        1 << (self.bit & 127)
    }
}

/// The features that the device may offer, and what each lacks if these features are accepted.
fn candidates<S: FeatureSet>(accepted: u128) -> impl Iterator<Item = Candidate> {
    let device = S::Device::WIDE.iter().map(move |entry| {
        let missing = entry.missing(accepted);
        Candidate { bit: entry.bit, name: entry.name, missing }
    });
    let reserved = S::Reserved::ENTRIES.iter().map(move |entry| {
        let missing = entry.missing(halves(accepted).0).into();
        Candidate { bit: entry.bit, name: entry.name, missing }
    });
    device.chain(reserved)
}

/// Decides which features to accept.
pub(super) fn negotiate<S: FeatureSet>(offered: u128, supported: u128) -> Result<u128, NegotiateError> {
    let (required, declared) = (whole(S::REQUIRED, S::REQUIRED_HIGH), whole(S::DECLARED, S::DECLARED_HIGH));
    let usable = declared & offered & supported;
    for feature in candidates::<S>(usable).filter(|feature| required & feature.mask() != 0) {
        check_usable(&feature, offered, supported)?;
    }
    let mut accepted = usable;
    // A feature that is removed may be a prerequisite of another one. Each round but the last removes at least one of 128.
    for _ in 0..=u128::BITS {
        let before = accepted;
        let unmet = candidates::<S>(before).filter(|feature| before & feature.mask() != 0 && feature.missing != 0);
        for feature in unmet {
            if required & feature.mask() != 0 {
                return Err(cause::<S>(feature, before, offered, declared & supported));
            }
            accepted &= !feature.mask();
        }
        if accepted == before {
            break;
        }
    }
    Ok(accepted)
}

/// Fails for a feature that the device does not offer or the transport does not support.
fn check_usable(feature: &Candidate, offered: u128, supported: u128) -> Result<(), NegotiateError> {
    let &Candidate { bit, name, .. } = feature;
    let (is_offered, is_supported) = (offered & feature.mask() != 0, supported & feature.mask() != 0);
    let (low, high) = halves(offered);
    match bit {
        // Whether the device offers the feature is unknown if the transport does not reach the bit.
        64.. if !is_supported => Err(NegotiateError::Unsupported { name, bit }),
        64.. if !is_offered => Err(NegotiateError::NotOffered { name, bit, offered: high }),
        _ if !is_offered => Err(NegotiateError::NotOffered { name, bit, offered: low }),
        _ if !is_supported => Err(NegotiateError::Unsupported { name, bit }),
        _ => Ok(()),
    }
}

/// Returns why a required feature lacks a prerequisite. If only features with bits above 63 are missing, the cause is with the
/// first of these.
fn cause<S: FeatureSet>(mut feature: Candidate, accepted: u128, offered: u128, usable: u128) -> NegotiateError {
    // A feature does not require itself, not even through others.
    for _ in 0..u128::BITS {
        let (bit, lowest) = (feature.bit, feature.missing.trailing_zeros());
        if lowest >= u64::BITS
            && let Some(missing) = candidates::<S>(accepted).find(|missing| missing.bit == lowest)
        {
            match check_usable(&missing, offered, usable) {
                Ok(()) => feature = missing,
                Err(error) => return error,
            }
        } else {
            return NegotiateError::Prerequisite { name: feature.name, bit, missing: halves(feature.missing).0 };
        }
    }
    NegotiateError::Prerequisite { name: feature.name, bit: feature.bit, missing: 0 }
}

/// Returns bits 0 to 63 and bits 64 to 127.
pub(super) const fn halves(mask: u128) -> (u64, u64) {
    (mask as u64, (mask >> 64) as u64)
}

/// Returns the mask of bits 0 to 63 and bits 64 to 127.
pub(super) const fn whole(low: u64, high: u64) -> u128 {
    low as u128 | (high as u128) << 64
}
