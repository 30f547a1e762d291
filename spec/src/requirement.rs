//! How much a driver needs a feature, as a type.

/// The requirement for a feature, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequirementKind {
    /// See [`Required`].
    Required,
    /// See [`Optional`].
    Optional,
    /// See [`Absent`].
    Absent,
}

/// The driver needs the feature. Negotiation fails if the device does not offer it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Required;

/// The driver uses the feature if the device offers it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Optional;

/// The driver does not use the feature. It is never accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absent;

/// The [`Requirement::Value`] of a feature that the driver does not declare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotDeclared;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Required {}
    impl Sealed for super::Optional {}
    impl Sealed for super::Absent {}
}

/// The requirement of a driver for a feature: [`Required`], [`Optional`] or [`Absent`]. Sealed.
///
/// A value that exists only with the feature has the type [`Value<T>`](Self::Value). The functions give access to it in
/// code that is generic over the requirement.
pub trait Requirement: sealed::Sealed + Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// The requirement as a value.
    const KIND: RequirementKind;

    /// A `T` that exists only with the feature: `T` if the feature is required, `Option<T>` if it is optional,
    /// [`NotDeclared`] if it is absent.
    type Value<T>;

    /// Makes the value if the feature was accepted. A required feature is always accepted, so `accepted` is ignored for
    /// it.
    fn make<T>(accepted: bool, make: impl FnOnce() -> T) -> Self::Value<T>;

    /// Applies `change` to the value, if it exists.
    fn map<T, U>(value: Self::Value<T>, change: impl FnOnce(T) -> U) -> Self::Value<U>;

    /// Converts an `Option` into the value. Returns `None` if the feature is required and the option is empty.
    fn from_option<T>(option: Option<T>) -> Option<Self::Value<T>>;

    /// Converts `&mut Value<T>` into `Value<&mut T>`.
    fn as_mut<T>(value: &mut Self::Value<T>) -> Self::Value<&mut T>;

    /// Returns a reference to the value, if it exists.
    fn get<T>(value: &Self::Value<T>) -> Option<&T>;

    /// Returns a mutable reference to the value, if it exists.
    fn get_mut<T>(value: &mut Self::Value<T>) -> Option<&mut T>;

    /// Converts the value into an `Option`.
    fn into_option<T>(value: Self::Value<T>) -> Option<T>;
}

impl Requirement for Required {
    const KIND: RequirementKind = RequirementKind::Required;
    type Value<T> = T;

    fn make<T>(_accepted: bool, make: impl FnOnce() -> T) -> T {
        make()
    }

    fn map<T, U>(value: T, change: impl FnOnce(T) -> U) -> U {
        change(value)
    }

    fn from_option<T>(option: Option<T>) -> Option<T> {
        option
    }

    fn as_mut<T>(value: &mut T) -> &mut T {
        value
    }

    fn get<T>(value: &T) -> Option<&T> {
        Some(value)
    }

    fn get_mut<T>(value: &mut T) -> Option<&mut T> {
        Some(value)
    }

    fn into_option<T>(value: T) -> Option<T> {
        Some(value)
    }
}

impl Requirement for Optional {
    const KIND: RequirementKind = RequirementKind::Optional;
    type Value<T> = Option<T>;

    fn make<T>(accepted: bool, make: impl FnOnce() -> T) -> Option<T> {
        accepted.then(make)
    }

    fn map<T, U>(value: Option<T>, change: impl FnOnce(T) -> U) -> Option<U> {
        value.map(change)
    }

    fn from_option<T>(option: Option<T>) -> Option<Option<T>> {
        Some(option)
    }

    fn as_mut<T>(value: &mut Option<T>) -> Option<&mut T> {
        value.as_mut()
    }

    fn get<T>(value: &Option<T>) -> Option<&T> {
        value.as_ref()
    }

    fn get_mut<T>(value: &mut Option<T>) -> Option<&mut T> {
        value.as_mut()
    }

    fn into_option<T>(value: Option<T>) -> Option<T> {
        value
    }
}

impl Requirement for Absent {
    const KIND: RequirementKind = RequirementKind::Absent;
    type Value<T> = NotDeclared;

    fn make<T>(_accepted: bool, _make: impl FnOnce() -> T) -> NotDeclared {
        NotDeclared
    }

    fn map<T, U>(_value: NotDeclared, _change: impl FnOnce(T) -> U) -> NotDeclared {
        NotDeclared
    }

    fn from_option<T>(_option: Option<T>) -> Option<NotDeclared> {
        Some(NotDeclared)
    }

    fn as_mut<T>(_value: &mut NotDeclared) -> NotDeclared {
        NotDeclared
    }

    fn get<T>(_value: &NotDeclared) -> Option<&T> {
        None
    }

    fn get_mut<T>(_value: &mut NotDeclared) -> Option<&mut T> {
        None
    }

    fn into_option<T>(_value: NotDeclared) -> Option<T> {
        None
    }
}

/// The requirement for the feature `F` if the driver declares it: [`Required`] or [`Optional`].
#[diagnostic::on_unimplemented(
    message = "the driver does not declare the feature `{F}`",
    label = "needs the feature `{F}`",
    note = "declare it: add `{F}: Optional` or `{F}: Required` to the feature set"
)]
pub trait Available<F>: Requirement {}
#[diagnostic::do_not_recommend]
impl<F> Available<F> for Required {}
#[diagnostic::do_not_recommend]
impl<F> Available<F> for Optional {}

/// The requirement for the feature `F` if the driver does not declare it: [`Absent`].
#[diagnostic::on_unimplemented(
    message = "the feature `{F}` may have been negotiated",
    label = "allowed only without the feature `{F}`",
    note = "remove `{F}` from the feature set"
)]
pub trait Unavailable<F>: Requirement {}
#[diagnostic::do_not_recommend]
impl<F> Unavailable<F> for Absent {}
