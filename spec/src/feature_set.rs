//! The set of features that a driver declares.

use core::fmt::Debug;

use crate::feature::{Feature, FeatureTable, OfDevice, Reserved};
use crate::requirement::{Absent, Requirement};
use crate::requirement_table::{Index, Tables, declared, required};

/// The features that a driver uses, each [`Required`](crate::Required) or [`Optional`](crate::Optional). The macro
/// [`feature_set!`](crate::feature_set!) makes a type that implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature set",
    label = "not a feature set",
    note = "declare the features of a driver with `aerostat_spec::feature_set!`"
)]
pub trait FeatureSet: Copy + Default + Debug + Send + Sync + 'static {
    /// The features that the device has.
    #[doc(hidden)]
    type Device: FeatureTable;
    /// The features that all devices have.
    #[doc(hidden)]
    type Reserved: FeatureTable;

    /// Mask of the features with bits 0 to 63 that are [`Required`](crate::Required).
    const REQUIRED: u64;
    /// Mask of the features with bits 0 to 63 that are [`Required`](crate::Required) or [`Optional`](crate::Optional). Code
    /// for other features can be skipped at compile time.
    const DECLARED: u64;
    /// Like [`REQUIRED`](Self::REQUIRED), for bits 64 to 127. Bit 64 is bit 0 of the mask.
    const REQUIRED_HIGH: u64;
    /// Like [`DECLARED`](Self::DECLARED), for bits 64 to 127. Bit 64 is bit 0 of the mask.
    const DECLARED_HIGH: u64;
}

#[diagnostic::do_not_recommend]
impl<S: Declaration> FeatureSet for S {
    type Device = S::Device;
    type Reserved = S::Reserved;

    const REQUIRED: u64 = required::<Low<S>>();
    const DECLARED: u64 = declared::<Low<S>>();
    const REQUIRED_HIGH: u64 = required::<High<S>>();
    const DECLARED_HIGH: u64 = declared::<High<S>>();
}

type Low<S> = <<S as Declaration>::Table as Tables>::Low;
type High<S> = <<S as Declaration>::Table as Tables>::High;

/// What [`feature_set!`](crate::feature_set!) generates.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature set",
    label = "not a feature set",
    note = "declare the features of a driver with `aerostat_spec::feature_set!`"
)]
pub trait Declaration: Copy + Default + Debug + Send + Sync + 'static {
    /// The features that the device has.
    type Device: FeatureTable;
    /// The features that all devices have.
    type Reserved: FeatureTable;
    /// The requirements.
    type Table: Tables;
}

/// A feature set of a device that has the feature `F`.
#[diagnostic::on_unimplemented(
    message = "the device does not have the feature `{F}`",
    label = "not a feature of this device",
    note = "use a feature from the `feature` module of the device or from `reserved::feature` of `aerostat_spec` or a re-export of it such as `aerostat_balloon::spec`"
)]
pub trait HasFeature<F> {
    /// The requirement of the set for the feature.
    type Requirement: Requirement;
}

#[diagnostic::do_not_recommend]
impl<S: Declaration, F: Feature<Owner: OwnerFor<S::Device, F>>> HasFeature<F> for S {
    type Requirement = Get<S::Table, F>;
}

/// The requirement of the feature set `S` for the feature `F`: [`Required`](crate::Required),
/// [`Optional`](crate::Optional) or [`Absent`].
pub type RequirementOf<S, F> = <S as HasFeature<F>>::Requirement;

/// The requirement for the feature `F` in the table `T`.
pub(crate) type Get<T, F> = <<F as Feature>::Index as Index>::Get<T>;

/// The table `T` with the requirement `N` for the feature `F`.
pub type Set<T, F, N> = <<F as Feature>::Index as Index>::Set<T, N>;

/// The owner of the feature `F`, which a device with the features `D` has.
#[diagnostic::on_unimplemented(
    message = "the device does not have the feature `{F}`",
    label = "not a feature of this device",
    note = "use a feature from the `feature` module of the device or from `reserved::feature` of `aerostat_spec` or a re-export of it such as `aerostat_balloon::spec`"
)]
pub trait OwnerFor<D, F> {}
#[diagnostic::do_not_recommend]
impl<O, D: FeatureTable<Owner = OfDevice<O>>, F> OwnerFor<D, F> for OfDevice<O> {}
#[diagnostic::do_not_recommend]
impl<D, F> OwnerFor<D, F> for Reserved {}

/// The requirement for the feature `F` in a table that does not declare it yet.
#[diagnostic::on_unimplemented(
    message = "the feature `{F}` is declared more than once",
    label = "declared more than once",
    note = "remove all lines but one for `{F}` and other features with the same bit"
)]
pub trait Undeclared<F> {}
#[diagnostic::do_not_recommend]
impl<F> Undeclared<F> for Absent {}

/// Compiles only if a device with the features `D` has the feature `F`, and the table `T` does not declare it yet.
pub const fn check_declaration<D, T, F>()
where
    D: FeatureTable,
    T: Tables,
    F: Feature<Owner: OwnerFor<D, F>>,
    Get<T, F>: Undeclared<F>,
{
}
