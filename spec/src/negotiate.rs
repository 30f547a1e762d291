//! Feature negotiation, as a pure function of the features that a device offers and a driver declares.
//!
//! Specification: "Feature Bits" (2.2) and "Reserved Feature Bits" (6).

use core::marker::PhantomData;

use crate::feature::{Feature, FeatureEntry, FeatureTable};
use crate::feature_set::{FeatureSet, HasFeature, RequirementOf};
use crate::requirement::{Available, Requirement};
use crate::wide::HighBits;

mod error;
mod wide;

pub use self::error::NegotiateError;

/// A trait that generated code implements.
pub(crate) mod described {
    use crate::feature::Feature;

    /// A feature that gives access to `T`, which exists with any of several features: `if a or b` in a description.
    #[diagnostic::on_unimplemented(
        message = "the feature `{Self}` does not give access to `{T}`",
        label = "another feature is needed",
        note = "the documentation of `given` lists the features"
    )]
    pub trait Gives<T>: Feature {}
}

/// Proof that the feature `F` was negotiated. Only [`Accepted::proof`] and [`Accepted::depending_on`] make it.
#[derive(Clone, Copy, Debug)]
pub struct Negotiated<F>(PhantomData<F>);

/// The outcome of a negotiation for the feature set `S`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<S: FeatureSet> {
    offered: u64,
    accepted: u64,
    /// The bits above 63.
    high: <S::Device as FeatureTable>::High,
    set: PhantomData<S>,
}

impl<S: FeatureSet> Accepted<S> {
    /// Decides which of the `offered` features to accept. `supported` is the mask of the features that the transport and
    /// the driver can use.
    ///
    /// Features with bits above 63 are not offered; [`Accepted::negotiate_wide`] negotiates them too.
    ///
    /// Only features of the set are accepted. An optional feature whose prerequisites are not accepted is not accepted
    /// either.
    ///
    /// # Errors
    ///
    /// [`NegotiateError`] if a required feature is not offered, not supported, or lacks a prerequisite.
    ///
    /// # Safety
    ///
    /// The result is proof that a device offers `offered`, and that the driver accepts exactly the features in
    /// [`Accepted::bits`] before it uses any of them. Drivers call `Device::negotiate` of the crate `aerostat-transport` instead.
    pub unsafe fn negotiate(offered: u64, supported: u64) -> Result<Self, NegotiateError> {
        if const { S::Device::WIDE.is_empty() } {
            check_required::<S>(offered, supported)?;
            let accepted = without_unmet::<S>(S::DECLARED & offered & supported)?;
            return Ok(Self { offered, accepted, high: HighBits::new(0, 0), set: PhantomData });
        }
        // SAFETY: by the caller's promise. No other features are offered or accepted.
        unsafe { Self::negotiate_wide(offered.into(), wide::whole(supported, u64::MAX)) }
    }

    /// Decides like [`Accepted::negotiate`], with all 128 feature bits. Bits above 63 outside `supported` are those that the
    /// transport does not reach.
    ///
    /// # Errors
    ///
    /// As for [`Accepted::negotiate`].
    ///
    /// # Safety
    ///
    /// As for [`Accepted::negotiate`], and for [`Accepted::high_bits`] like for [`Accepted::bits`].
    pub unsafe fn negotiate_wide(offered: u128, supported: u128) -> Result<Self, NegotiateError> {
        let accepted = wide::negotiate::<S>(offered, supported)?;
        let (low, high) = wide::halves(offered);
        let (accepted_low, accepted_high) = wide::halves(accepted);
        Ok(Self { offered: low, accepted: accepted_low, high: HighBits::new(high, accepted_high), set: PhantomData })
    }

    /// Returns the mask of the accepted features with bits 0 to 63.
    pub const fn bits(&self) -> u64 {
        self.accepted
    }

    /// Returns the mask of the features with bits 0 to 63 that the device offered.
    pub const fn offered(&self) -> u64 {
        self.offered
    }

    /// Returns the mask of the accepted features with bits 64 to 127. Bit 64 is bit 0 of the mask.
    pub fn high_bits(&self) -> u64 {
        self.high.accepted()
    }

    /// Returns the mask of the features with bits 64 to 127 that the device offered. Bit 64 is bit 0 of the mask. It is 0 if the
    /// driver does not declare any of them.
    pub fn offered_high(&self) -> u64 {
        self.high.offered()
    }

    /// Returns whether the feature was accepted. The feature need not be declared. For required and for undeclared
    /// features the result is known at compile time.
    pub fn has<F: Feature>(&self, _feature: F) -> bool {
        let bit = 1 << (F::BIT & 63);
        match const { F::BIT < 64 } {
            true => S::REQUIRED & bit != 0 || S::DECLARED & self.accepted & bit != 0,
            false => S::REQUIRED_HIGH & bit != 0 || S::DECLARED_HIGH & self.high.accepted() & bit != 0,
        }
    }

    /// Returns the proof that the feature was accepted: a [`Negotiated`] if the feature is required, an `Option` if it is
    /// optional. For a feature that is not declared, the call does not compile.
    pub fn proof<F: Feature>(&self, feature: F) -> <RequirementOf<S, F> as Requirement>::Value<Negotiated<F>>
    where
        S: HasFeature<F>,
        RequirementOf<S, F>: Available<F>,
    {
        self.depending_on(feature, |proof| proof)
    }

    /// Makes a value that exists only with the feature. `make` is called with the proof if the feature was accepted.
    pub fn depending_on<F: Feature, T>(
        &self,
        feature: F,
        make: impl FnOnce(Negotiated<F>) -> T,
    ) -> <RequirementOf<S, F> as Requirement>::Value<T>
    where
        S: HasFeature<F>,
    {
        RequirementOf::<S, F>::make(self.has(feature), || make(Negotiated(PhantomData)))
    }
}

/// Checks that each required feature is offered and supported.
fn check_required<S: FeatureSet>(offered: u64, supported: u64) -> Result<(), NegotiateError> {
    for entry in entries::<S>().filter(|entry| S::REQUIRED & entry.mask() != 0) {
        let (bit, name) = (entry.bit, entry.name);
        if offered & entry.mask() == 0 {
            return Err(NegotiateError::NotOffered { name, bit, offered });
        }
        if supported & entry.mask() == 0 {
            return Err(NegotiateError::Unsupported { name, bit });
        }
    }
    Ok(())
}

/// Removes the optional features whose prerequisites are not in the mask. Fails if a required feature lacks one.
fn without_unmet<S: FeatureSet>(mut accepted: u64) -> Result<u64, NegotiateError> {
    // A feature that is removed may be a prerequisite of another one. Each round but the last removes at least one of 64.
    for _ in 0..=u64::BITS {
        let before = accepted;
        for entry in entries::<S>().filter(|entry| before & entry.mask() != 0) {
            let missing = entry.missing(before);
            if missing == 0 {
                continue;
            }
            if S::REQUIRED & entry.mask() != 0 {
                return Err(NegotiateError::Prerequisite { name: entry.name, bit: entry.bit, missing });
            }
            accepted &= !entry.mask();
        }
        if accepted == before {
            break;
        }
    }
    Ok(accepted)
}

/// The features that the device may offer to a driver with this set.
fn entries<S: FeatureSet>() -> impl Iterator<Item = &'static FeatureEntry> {
    S::Device::ENTRIES.iter().chain(S::Reserved::ENTRIES)
}

#[cfg(test)]
mod tests;
