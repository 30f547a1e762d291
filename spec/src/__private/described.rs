//! What generated code implements where the public API has traits of the same names.
//!
//! Each of those public traits has one implementation, for all that implements its twin here, and the compiler is told not to
//! recommend it. So a message ends with the advice of the trait, not with a list of the fields and sets of other devices.
//! Generated implementations of the public traits cannot be kept out of such lists: the attribute for it is not to be had
//! where a crate does without the prelude.

use crate::feature::Feature;
use crate::field::Field;
use crate::requirement::Requirement;

/// The description says `read`.
pub trait Readable: Field {}

/// The description says `write`.
pub trait Writable: Field {}

/// The description says `setup` or `write`.
pub trait Settable: Field {}

/// The description names the feature among several with each of which `T` exists: `if a or b`.
#[diagnostic::on_unimplemented(
    message = "the proof of `{Self}` does not make `{T}`",
    label = "another feature is needed",
    note = "the documentation of `given` says which features it exists with"
)]
pub trait Gives<T>: Feature {}

/// The feature `F` is described and is still refused; it gets the level `L`.
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

/// The feature `F` is described.
#[diagnostic::on_unimplemented(
    message = "`{F}` is no feature of this device",
    label = "unknown to the feature set",
    note = "use a feature from the module of the device, or from `aerostat_spec::reserved`"
)]
pub trait HasFeature<F> {
    /// Its level.
    type Requirement: Requirement;
}
