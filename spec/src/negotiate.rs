//! Feature negotiation as a pure function: what was offered and what was declared make what is accepted.
//!
//! Specification: "Feature Bits" (2.2) and "Reserved Feature Bits" (6).

use core::marker::PhantomData;

use crate::feature::{Feature, FeatureEntry, FeatureSet, FeatureTable, HasFeature, RequirementOf};
use crate::requirement::{Available, Requirement, RequirementKind};

/// Proof that the feature `F` was negotiated. It is made by [`Accepted::proof`] and by nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Negotiated<F>(PhantomData<F>);

/// The outcome of a negotiation under the declaration `S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<S> {
    offered: u64,
    accepted: u64,
    declaration: PhantomData<S>,
}

/// Why a negotiation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiateError {
    /// The device does not offer a feature that the driver requires.
    #[error("the device does not offer {name} (bit {bit}), which the driver requires (offered: {offered:#x})")]
    NotOffered {
        /// The specification's name of the feature.
        name: &'static str,
        /// Its bit.
        bit: u32,
        /// All that the device offers.
        offered: u64,
    },
    /// A required feature depends on features that are not accepted.
    #[error("{name} (bit {bit}) is required but needs features that are not accepted (missing: {missing:#x})")]
    Prerequisite {
        /// The specification's name of the feature.
        name: &'static str,
        /// Its bit.
        bit: u32,
        /// Mask of the features that it needs and that are missing, and of those of which one would be enough.
        missing: u64,
    },
    /// A required feature cannot be used here, whatever the device offers: the transport cannot carry it, or the kernel's
    /// side of the driver cannot serve it.
    #[error(
        "{name} (bit {bit}) is required, but cannot be used here: the transport or the kernel's side does not support it"
    )]
    Unsupported {
        /// The specification's name of the feature.
        name: &'static str,
        /// Its bit.
        bit: u32,
    },
}

impl<S: FeatureSet> Accepted<S> {
    /// Decides what to accept of the `offered` features, of which only the `supported` ones can be used here: those that
    /// the transport carries and the kernel's side of the driver serves.
    ///
    /// Bits that the declaration does not know are treated as if they were not offered. A wanted feature whose
    /// prerequisites are missing is left out.
    ///
    /// # Errors
    ///
    /// [`NegotiateError`] when a required feature is not offered, not supported, or lacks a prerequisite.
    pub fn negotiate(offered: u64, supported: u64) -> Result<Self, NegotiateError> {
        let mut accepted = 0;
        for entry in entries::<S>() {
            let (bit, name) = (entry.bit, entry.name);
            match entry.requirement {
                RequirementKind::Absent => continue,
                RequirementKind::Required if offered & entry.mask() == 0 => {
                    return Err(NegotiateError::NotOffered { name, bit, offered });
                }
                RequirementKind::Required if supported & entry.mask() == 0 => {
                    return Err(NegotiateError::Unsupported { name, bit });
                }
                RequirementKind::Required | RequirementKind::Optional => accepted |= entry.mask() & offered & supported,
            }
        }
        // Dropping one feature can take the ground from another: repeat until nothing changes, at most once a bit.
        for _ in 0..u64::BITS {
            let before = accepted;
            for entry in entries::<S>().filter(|entry| before & entry.mask() != 0) {
                let missing = entry.missing(before);
                if missing != 0 {
                    if entry.requirement == RequirementKind::Required {
                        return Err(NegotiateError::Prerequisite { name: entry.name, bit: entry.bit, missing });
                    }
                    accepted &= !entry.mask();
                }
            }
            if accepted == before {
                break;
            }
        }
        Ok(Self { offered, accepted, declaration: PhantomData })
    }

    /// The accepted features as a mask.
    pub const fn bits(&self) -> u64 {
        self.accepted
    }

    /// All that the device offered, as a mask.
    pub const fn offered(&self) -> u64 {
        self.offered
    }

    /// Whether the feature was accepted. Any feature may be asked for, declared or not.
    pub fn has<F: Feature>(&self, _feature: F) -> bool {
        self.accepted & (1 << F::BIT) != 0
    }

    /// Proof that the feature was accepted: always for a required feature, perhaps for a wanted one.
    /// Asking for a refused feature does not compile.
    pub fn proof<F: Feature>(&self, feature: F) -> <RequirementOf<S, F> as Requirement>::Of<Negotiated<F>>
    where
        S: HasFeature<F>,
        RequirementOf<S, F>: Available<F>,
    {
        self.depending_on(feature, |proof| proof)
    }

    /// Makes what depends on the feature, whatever its level. `make` is called with the proof where the feature was
    /// accepted.
    pub fn depending_on<F: Feature, T>(
        &self,
        feature: F,
        make: impl FnOnce(Negotiated<F>) -> T,
    ) -> <RequirementOf<S, F> as Requirement>::Of<T>
    where
        S: HasFeature<F>,
    {
        RequirementOf::<S, F>::of(self.has(feature), || make(Negotiated(PhantomData)))
    }
}

fn entries<S: FeatureSet>() -> impl Iterator<Item = &'static FeatureEntry> {
    <S::Device as FeatureTable>::ENTRIES.iter().chain(<S::Reserved as FeatureTable>::ENTRIES)
}

#[cfg(test)]
mod tests;
