//! Sets of features, as types.

use aerostat_spec::{FeatureSet, HasFeature, Requirement, RequirementKind, RequirementOf};

use super::feature::{
    BlockInflation, DeflateOnOom, FreePageHint, IfDeclared, MustTellHost, PagePoison, PageReporting, StatsVq,
};

/// Declares the features that a kernel uses, as a type.
///
/// A `Required` feature makes [`probe`](crate::Balloon::probe) fail when the device does not offer it. An `Optional`
/// feature is used when the device offers it. A feature that is not named is never used, and its code is not linked.
/// [`feature`](crate::feature) lists the names. Methods that depend on a feature exist only if it is declared; they return
/// a `T` for a required feature and an `Option<T>` for an optional one.
///
/// ```
/// aerostat_balloon::features! {
///     /// What this kernel uses of the balloon.
///     pub struct KernelFeatures {
///         MustTellHost: Optional,
///         StatsVq: Required,
///     }
/// }
/// ```
// conformance: deviation core.reserved.3, core.reserved.6, core.reserved.7, balloon.feature.1: an offered feature is
// accepted only if the kernel declares it
#[macro_export]
macro_rules! features {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $($feature:ident : $requirement:ident),* $(,)?
    }) => {
        // Messages print `aerostat_balloon::feature` as a user can write it, and would print `$crate::feature` as it is here.
        $crate::spec::feature_set! {
            @define [$(#[$attribute])* $visibility] $name [$crate::spec::balloon] {
                $(aerostat_balloon::feature::$feature: $requirement),*
            }
            #[allow(unused_imports)]
            use $crate::{self as aerostat_balloon};
        }
    };
}

features! {
    /// The empty set of features: a balloon that only inflates and deflates.
    pub struct NoFeatures {}
}

/// A set of features for a balloon: any type that [`features!`](crate::features!) declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature set for a balloon",
    label = "not declared with `aerostat_balloon::features!`",
    note = "declare it with `aerostat_balloon::features! {{ struct KernelFeatures {{ MustTellHost: Optional }} }}`, or use \
            `aerostat_balloon::NoFeatures`"
)]
pub trait BalloonFeatureSet:
    FeatureSet
    + HasFeature<MustTellHost>
    + HasFeature<StatsVq>
    + HasFeature<DeflateOnOom>
    + HasFeature<FreePageHint>
    + HasFeature<PagePoison>
    + HasFeature<PageReporting>
    + HasFeature<BlockInflation>
{
}

#[diagnostic::do_not_recommend]
impl<F> BalloonFeatureSet for F where
    F: FeatureSet
        + HasFeature<MustTellHost>
        + HasFeature<StatsVq>
        + HasFeature<DeflateOnOom>
        + HasFeature<FreePageHint>
        + HasFeature<PagePoison>
        + HasFeature<PageReporting>
        + HasFeature<BlockInflation>
{
}

/// Creates a value that exists whenever the feature `X` is declared, whether it is negotiated or not.
pub(crate) fn if_declared<F: HasFeature<X>, X, V>(make: impl FnOnce() -> V) -> IfDeclared<F, X, V> {
    RequirementOf::<F, X>::make(true, make)
}

/// Creates a value that exists if the feature `X` was negotiated.
pub(crate) fn if_negotiated<F: HasFeature<X>, X, V>(
    is_negotiated: bool,
    make: impl FnOnce() -> V,
) -> IfDeclared<F, X, V> {
    RequirementOf::<F, X>::make(is_negotiated, make)
}

/// Returns what an operation of the feature `X` returned, or `None` if it is required and the device is not live.
pub(crate) fn result_of<F: HasFeature<X>, X, V>(value: Option<V>) -> Option<IfDeclared<F, X, V>> {
    RequirementOf::<F, X>::from_option(value)
}

/// Returns a value that depends on the feature `X`, if it is declared.
pub(crate) fn declared<F: HasFeature<X>, X, V>(value: &IfDeclared<F, X, V>) -> Option<&V> {
    RequirementOf::<F, X>::get(value)
}

/// Returns a value that depends on the feature `X` for changes, if it is declared.
pub(crate) fn declared_mut<F: HasFeature<X>, X, V>(value: &mut IfDeclared<F, X, V>) -> Option<&mut V> {
    RequirementOf::<F, X>::get_mut(value)
}

/// Returns whether the feature `X` is declared.
pub(crate) const fn is_declared<F: HasFeature<X>, X>() -> bool {
    !matches!(<RequirementOf<F, X> as Requirement>::KIND, RequirementKind::Absent)
}
