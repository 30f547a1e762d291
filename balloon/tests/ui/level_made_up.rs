//! A level of one's own could claim a feature that was never negotiated.

use aerostat_balloon::spec::{RequirementKind, Requirement};

#[derive(Clone, Copy, Debug, Default)]
struct Assumed;

impl Requirement for Assumed {
    const KIND: RequirementKind = RequirementKind::Absent;
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

fn main() {}
