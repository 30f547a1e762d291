//! An own requirement could claim a feature that was never negotiated.

use aerostat_balloon::spec::{RequirementKind, Requirement};

#[derive(Clone, Copy, Debug, Default)]
struct Assumed;

impl Requirement for Assumed {
    const KIND: RequirementKind = RequirementKind::Absent;
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

fn main() {}
