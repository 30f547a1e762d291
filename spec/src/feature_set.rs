//! The set of features that a driver declares, and the macro to declare it.

use core::fmt::Debug;
use core::marker::PhantomData;

use crate::feature::{Feature, FeatureTable, OfDevice, Reserved};
use crate::requirement::{Absent, Requirement};
use crate::requirement_table::{AllAbsent, Index, Table, declared, required};

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

    /// Mask of the features that are [`Required`](crate::Required).
    const REQUIRED: u64;
    /// Mask of the features that are [`Required`](crate::Required) or [`Optional`](crate::Optional). Code for other
    /// features can be skipped at compile time.
    const DECLARED: u64;
}

#[diagnostic::do_not_recommend]
impl<S: Declaration> FeatureSet for S {
    type Device = S::Device;
    type Reserved = S::Reserved;

    const REQUIRED: u64 = required::<S::Table>();
    const DECLARED: u64 = declared::<S::Table>();
}

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
    type Table: Table;
}

/// A feature set of a device that has the feature `F`.
#[diagnostic::on_unimplemented(
    message = "the device does not have the feature `{F}`",
    label = "not a feature of this device",
    note = "use a feature from the `feature` module of the device or from `aerostat_spec::reserved::feature`"
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
    note = "use a feature from the `feature` module of the device or from `aerostat_spec::reserved::feature`"
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
    note = "remove all lines for `{F}` but one"
)]
pub trait Undeclared<F> {}
#[diagnostic::do_not_recommend]
impl<F> Undeclared<F> for Absent {}

/// Compiles only if a device with the features `D` has the feature `F`, and the table `T` does not declare it yet.
pub const fn check_declaration<D, T, F>()
where
    D: FeatureTable,
    T: Table,
    F: Feature<Owner: OwnerFor<D, F>>,
    Get<T, F>: Undeclared<F>,
{
}

/// A feature set in the form of a type: the features `D` of a device, the reserved features `R`, and the requirements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeaturePair<D, R, T = AllAbsent>(PhantomData<(D, R, T)>);

impl<D: FeatureTable, R: FeatureTable, T: Table> Declaration for FeaturePair<D, R, T> {
    type Device = D;
    type Reserved = R;
    type Table = T;
}

/// A feature set that does not declare the feature `F` yet.
pub trait WithFeature<F, N: Requirement> {
    /// The set in which the feature has the requirement `N`.
    type Out;
}

#[diagnostic::do_not_recommend]
impl<D, R, T: Table, F, N: Requirement> WithFeature<F, N> for FeaturePair<D, R, T>
where
    D: FeatureTable,
    F: Feature<Owner: OwnerFor<D, F>>,
    Get<T, F>: Undeclared<F>,
{
    type Out = FeaturePair<D, R, Set<T, F, N>>;
}

/// Declares the features that a driver uses, as a unit struct that implements [`FeatureSet`](crate::FeatureSet).
///
/// `for` is followed by the path of the device's module. Each line names a feature by its path and says how much the
/// driver needs it: [`Required`](crate::Required) or [`Optional`](crate::Optional). Neither word has to be imported. A
/// feature without a line is never accepted. The features of the device and the
/// [reserved features](crate::reserved::feature) can be named.
///
/// ```
/// use aerostat_spec::Accepted;
/// use aerostat_spec::balloon::feature::{MustTellHost, StatsVq};
///
/// aerostat_spec::feature_set! {
///     /// The features that this balloon driver uses.
///     pub struct Declared for aerostat_spec::balloon {
///         MustTellHost: Required,
///         StatsVq: Optional,
///         aerostat_spec::reserved::feature::RingPacked: Optional,
///     }
/// }
///
/// // The device offers bits 0 (MUST_TELL_HOST) and 5 (PAGE_REPORTING); the driver uses only the first.
/// let accepted = Accepted::<Declared>::negotiate(0b10_0001, u64::MAX)?;
/// assert_eq!(accepted.bits(), 0b1);
/// # Ok::<(), aerostat_spec::NegotiateError>(())
/// ```
///
/// The struct takes attributes and a visibility. It implements `Clone`, `Copy`, `Debug`, `Default`, `PartialEq` and `Eq`.
/// A feature that is declared twice, or that belongs to another device, is a compile error.
///
/// Another macro can call this one with feature paths that it captured as `path` fragments. The path of the device has
/// to be passed as plain tokens, for instance `$crate::lamp`.
#[macro_export]
macro_rules! feature_set {
    ($(#[$attribute:meta])* $vis:vis struct $name:ident for :: $($device:ident)::+ { $($features:tt)* }) => {
        $crate::feature_set! { @define [$(#[$attribute])* $vis] $name [:: $($device)::+] { $($features)* } }
    };
    ($(#[$attribute:meta])* $vis:vis struct $name:ident for $($device:ident)::+ { $($features:tt)* }) => {
        $crate::feature_set! { @define [$(#[$attribute])* $vis] $name [$($device)::+] { $($features)* } }
    };
    (@define [$($head:tt)*] $name:ident [$($device:tt)*] { $($features:tt)* }) => {
        #[derive(
            $crate::__private::core::clone::Clone,
            $crate::__private::core::marker::Copy,
            $crate::__private::core::fmt::Debug,
            $crate::__private::core::default::Default,
            $crate::__private::core::cmp::PartialEq,
            $crate::__private::core::cmp::Eq,
        )]
        $($head)* struct $name;

        const _: () = {
            type __Device = <$($device)*::Device as $crate::Device>::Features;
            $crate::feature_set! { @line $name [$crate::__private::AllAbsent] { $($features)* } }
        };
    };

    // Two steps for each line: find the path of the feature; then check the line, and add it to the table so far.
    (@line $name:ident [$($table:tt)*] { :: $($feature:tt)::+ : $requirement:ident $(, $($more:tt)*)? }) => {
        $crate::feature_set! { @add $name [$($table)*] [:: $($feature)::+] $requirement { $($($more)*)? } }
    };
    (@line $name:ident [$($table:tt)*] { $($feature:tt)::+ : $requirement:ident $(, $($more:tt)*)? }) => {
        $crate::feature_set! { @add $name [$($table)*] [$($feature)::+] $requirement { $($($more)*)? } }
    };
    (@line $name:ident [$($table:tt)*] {}) => {
        impl $crate::__private::Declaration for $name {
            type Device = __Device;
            type Reserved = $crate::reserved::Features;
            type Table = $($table)*;
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] Required { $($more:tt)* }) => {
        const _: () = $crate::__private::check_declaration::<__Device, $($table)*, $($feature)*>();
        $crate::feature_set! {
            @line $name [$crate::__private::Set<$($table)*, $($feature)*, $crate::Required>] { $($more)* }
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] Optional { $($more:tt)* }) => {
        const _: () = $crate::__private::check_declaration::<__Device, $($table)*, $($feature)*>();
        $crate::feature_set! {
            @line $name [$crate::__private::Set<$($table)*, $($feature)*, $crate::Optional>] { $($more)* }
        }
    };
    (@add $name:ident [$($table:tt)*] [$($feature:tt)*] $other:ident { $($more:tt)* }) => {
        $crate::__private::core::compile_error! { $crate::__private::core::concat!(
            "invalid requirement `",
            $crate::__private::core::stringify!($other),
            "` for the feature `",
            $($crate::__private::core::stringify!($feature),)*
            "`: write `Required` or `Optional`",
        ) }
    };
}
