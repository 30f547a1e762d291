//! How much a driver wants a feature, and what it may do with it as a result.
//!
//! A *level* is a type. What depends on a feature has the type [`Requirement::Of`]: the thing itself when the feature is
//! [`Required`], an `Option` of it when it is [`Optional`], and [`NotDeclared`] when it is [`Absent`].

/// The three levels as a value, for code that decides at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequirementKind {
    /// Without this feature the driver does not start.
    Required,
    /// The feature is accepted when the device offers it.
    Optional,
    /// The feature is never accepted.
    Absent,
}

/// Requirement: the driver fails to start unless the device offers the feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Required;

/// Requirement: the feature is accepted when the device offers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Optional;

/// Requirement: the feature is never accepted. The default of every feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absent;

/// What a refused feature leaves of the things that depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotDeclared;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Required {}
    impl Sealed for super::Optional {}
    impl Sealed for super::Absent {}
}

/// A level of requirement for a feature: [`Required`], [`Optional`] or [`Absent`]. Sealed.
pub trait Requirement: sealed::Sealed + Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// The level as a value.
    const KIND: RequirementKind;

    /// What a `T` that depends on the feature becomes.
    type Of<T>;

    /// Makes the dependent thing, by calling `make` where the level and the outcome of the negotiation allow it.
    /// A required feature has been accepted by the time anything depends on it, so `accepted` is not asked for then.
    fn of<T>(accepted: bool, make: impl FnOnce() -> T) -> Self::Of<T>;

    /// The same thing, changed by `change` where it exists.
    fn map<T, U>(of: Self::Of<T>, change: impl FnOnce(T) -> U) -> Self::Of<U>;

    /// The dependent thing, from one that was made where the feature had been negotiated. `None` only where it is missing
    /// though the feature is required.
    fn from_option<T>(option: Option<T>) -> Option<Self::Of<T>>;

    /// An exclusive view of the dependent thing, which depends on the feature in the same way.
    fn as_mut<T>(of: &mut Self::Of<T>) -> Self::Of<&mut T>;

    /// A shared view of the dependent thing where it exists.
    fn get<T>(of: &Self::Of<T>) -> Option<&T>;

    /// An exclusive view of the dependent thing where it exists.
    fn get_mut<T>(of: &mut Self::Of<T>) -> Option<&mut T>;

    /// Takes the dependent thing out, where it exists.
    fn into_option<T>(of: Self::Of<T>) -> Option<T>;
}

impl Requirement for Required {
    const KIND: RequirementKind = RequirementKind::Required;
    type Of<T> = T;

    fn of<T>(_accepted: bool, make: impl FnOnce() -> T) -> T {
        make()
    }

    fn map<T, U>(of: T, change: impl FnOnce(T) -> U) -> U {
        change(of)
    }

    fn from_option<T>(option: Option<T>) -> Option<T> {
        option
    }

    fn as_mut<T>(of: &mut T) -> &mut T {
        of
    }

    fn get<T>(of: &T) -> Option<&T> {
        Some(of)
    }

    fn get_mut<T>(of: &mut T) -> Option<&mut T> {
        Some(of)
    }

    fn into_option<T>(of: T) -> Option<T> {
        Some(of)
    }
}

impl Requirement for Optional {
    const KIND: RequirementKind = RequirementKind::Optional;
    type Of<T> = Option<T>;

    fn of<T>(accepted: bool, make: impl FnOnce() -> T) -> Option<T> {
        accepted.then(make)
    }

    fn map<T, U>(of: Option<T>, change: impl FnOnce(T) -> U) -> Option<U> {
        of.map(change)
    }

    fn from_option<T>(option: Option<T>) -> Option<Option<T>> {
        Some(option)
    }

    fn as_mut<T>(of: &mut Option<T>) -> Option<&mut T> {
        of.as_mut()
    }

    fn get<T>(of: &Option<T>) -> Option<&T> {
        of.as_ref()
    }

    fn get_mut<T>(of: &mut Option<T>) -> Option<&mut T> {
        of.as_mut()
    }

    fn into_option<T>(of: Option<T>) -> Option<T> {
        of
    }
}

impl Requirement for Absent {
    const KIND: RequirementKind = RequirementKind::Absent;
    type Of<T> = NotDeclared;

    fn of<T>(_accepted: bool, _make: impl FnOnce() -> T) -> NotDeclared {
        NotDeclared
    }

    fn map<T, U>(_of: NotDeclared, _change: impl FnOnce(T) -> U) -> NotDeclared {
        NotDeclared
    }

    fn from_option<T>(_option: Option<T>) -> Option<NotDeclared> {
        Some(NotDeclared)
    }

    fn as_mut<T>(_of: &mut NotDeclared) -> NotDeclared {
        NotDeclared
    }

    fn get<T>(_of: &NotDeclared) -> Option<&T> {
        None
    }

    fn get_mut<T>(_of: &mut NotDeclared) -> Option<&mut T> {
        None
    }

    fn into_option<T>(_of: NotDeclared) -> Option<T> {
        None
    }
}

/// A level at which what depends on the feature `F` exists: [`Required`] or [`Optional`].
///
/// Methods that need a feature bound the level that the driver declared for it by this trait.
#[diagnostic::on_unimplemented(
    message = "the feature `{F}` was refused by this driver, so nothing that depends on it exists",
    label = "needs the feature `{F}`",
    note = "a feature is refused unless the driver declares it: add `.want({F})` or `.require({F})` before `probe()`"
)]
pub trait Available<F>: Requirement {}
impl<F> Available<F> for Required {}
impl<F> Available<F> for Optional {}

/// The level at which the feature `F` is certain to be absent: [`Absent`].
#[diagnostic::on_unimplemented(
    message = "the feature `{F}` may have been negotiated, and this is allowed only without it",
    label = "possible only where `{F}` is refused",
    note = "leave `{F}` out of the driver's declaration to refuse it"
)]
pub trait Unavailable<F>: Requirement {}
impl<F> Unavailable<F> for Absent {}
