//! Features and the sets that a driver declares.
//!
//! Each feature of a description is a zero-sized type that implements [`Feature`]. A set of features with a level for
//! each is a type too, generated per description as `Features<…>`; [`FeaturePair`] pairs the set of a device with the set of
//! the reserved features (ring format, event index, …) that every device shares.

use core::marker::PhantomData;

use crate::__private::described;
use crate::requirement::{Requirement, RequirementKind};

/// One feature of a description, as a type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no feature of a description",
    label = "not a feature",
    note = "use a feature from the module of a device, or from `aerostat_spec::reserved`"
)]
pub trait Feature: Copy + core::fmt::Debug + Send + Sync + 'static {
    /// Whose feature it is: [`OfDevice`] or [`Reserved`].
    type Owner;
    /// Number of the feature bit, 0 to 63.
    const BIT: u32;
    /// The specification's name, for instance `VIRTIO_BALLOON_F_STATS_VQ`.
    const NAME: &'static str;
    /// The features without which this one may not be accepted, as a mask.
    const REQUIRES: u64;
    /// Masks of features of each of which at least one has to be accepted with this one.
    const REQUIRES_ANY: &'static [u64] = &[];
}

/// A set of features with a level for each.
pub trait FeatureTable: Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// The features of the set in order of their bits, each with its level.
    const ENTRIES: &'static [FeatureEntry];
}

/// One feature of a [`FeatureTable`], as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureEntry {
    /// Number of the feature bit, 0 to 63.
    pub bit: u32,
    /// The specification's name.
    pub name: &'static str,
    /// Mask of the features without which this one may not be accepted.
    pub requires: u64,
    /// Masks of features of each of which at least one has to be accepted with this one.
    pub requires_any: &'static [u64],
    /// The level declared.
    pub requirement: RequirementKind,
}

impl FeatureEntry {
    /// The entry of the feature `F` at the level `L`.
    pub const fn new<F: Feature, L: Requirement>() -> Self {
        Self { bit: F::BIT, name: F::NAME, requires: F::REQUIRES, requires_any: F::REQUIRES_ANY, requirement: L::KIND }
    }

    /// What this feature lacks where the mask is accepted: the features that it needs, and all features of a group that
    /// it needs one of. 0 where nothing is missing.
    pub fn missing(&self, accepted: u64) -> u64 {
        let groups = self.requires_any.iter().filter(|group| *group & accepted == 0);
        groups.fold(self.requires & !accepted, |missing, group| missing | group)
    }

    /// The mask with only this feature's bit set.
    pub const fn mask(&self) -> u64 {
        1 << (self.bit & 63)
    }
}

/// A feature set in which the feature `F` has the level `L`, where it was refused before.
#[diagnostic::on_unimplemented(
    message = "the feature `{F}` cannot be declared here",
    label = "`{F}` is already declared, or is no feature of this device",
    note = "declare each feature at most once, by `.want(…)` or by `.require(…)`",
    note = "use a feature from the module of the device, or from `aerostat_spec::reserved`"
)]
pub trait WithFeature<F, L: Requirement> {
    /// The set with the new level.
    type Out;
}

#[diagnostic::do_not_recommend]
impl<S: described::WithFeature<F, L>, F, L: Requirement> WithFeature<F, L> for S {
    type Out = S::Out;
}

/// A feature set that knows the feature `F`.
#[diagnostic::on_unimplemented(
    message = "`{F}` is no feature of this device",
    label = "unknown to the feature set",
    note = "use a feature from the module of the device, or from `aerostat_spec::reserved`"
)]
pub trait HasFeature<F> {
    /// The level that the driver declared for the feature.
    type Requirement: Requirement;
}

#[diagnostic::do_not_recommend]
impl<S: described::HasFeature<F>, F> HasFeature<F> for S {
    type Requirement = S::Requirement;
}

/// Owner of a device type's own features (bits 0 to 23 and 50 to 63).
#[derive(Debug)]
pub struct OfDevice<D>(PhantomData<D>);

/// Owner of the reserved features (bits 24 to 49), which are independent of the device type.
#[derive(Debug)]
pub struct Reserved;

/// The levels of a device's own features `D` and of the reserved features `R`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeaturePair<D, R>(PhantomData<(D, R)>);

/// Both halves of [`FeaturePair`], for code that is generic over the pair.
pub trait FeatureSet: Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// The device's own features.
    type Device: FeatureTable;
    /// The reserved features.
    type Reserved: FeatureTable;
}

impl<D: FeatureTable, R: FeatureTable> FeatureSet for FeaturePair<D, R> {
    type Device = D;
    type Reserved = R;
}

/// Finds the half of [`FeaturePair`] that an owner's features are declared in.
pub trait FeatureOwner<D, R> {
    /// That half.
    type This;
    /// The pair with that half replaced.
    type Replaced<N>;
}

impl<D, R, X> FeatureOwner<D, R> for OfDevice<X> {
    type This = D;
    type Replaced<N> = FeaturePair<N, R>;
}

impl<D, R> FeatureOwner<D, R> for Reserved {
    type This = R;
    type Replaced<N> = FeaturePair<D, N>;
}

impl<D, R, F, L> described::WithFeature<F, L> for FeaturePair<D, R>
where
    F: Feature,
    F::Owner: FeatureOwner<D, R>,
    L: Requirement,
    <F::Owner as FeatureOwner<D, R>>::This: WithFeature<F, L>,
{
    type Out =
        <F::Owner as FeatureOwner<D, R>>::Replaced<<<F::Owner as FeatureOwner<D, R>>::This as WithFeature<F, L>>::Out>;
}

impl<D, R, F> described::HasFeature<F> for FeaturePair<D, R>
where
    F: Feature,
    F::Owner: FeatureOwner<D, R>,
    <F::Owner as FeatureOwner<D, R>>::This: HasFeature<F>,
{
    type Requirement = <<F::Owner as FeatureOwner<D, R>>::This as HasFeature<F>>::Requirement;
}

/// The level at which the declaration `S` holds the feature `F`.
pub type RequirementOf<S, F> = <S as HasFeature<F>>::Requirement;
