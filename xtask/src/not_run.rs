//! The error of a check that did not run.

use std::fmt::{self, Display, Formatter};

/// The error of a check that did not run, or only in part, with the reason. The end of the tests lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotRun {
    pub(crate) reason: String,
    /// Whether the tests pass without the check.
    pub(crate) is_optional: bool,
}

impl NotRun {
    /// Returns the error of a check that every change has to pass.
    pub(crate) fn required(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_optional: false }
    }

    /// Returns the error of a check that needs a tool that is optional.
    pub(crate) fn optional(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_optional: true }
    }
}

impl Display for NotRun {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {}", self.reason)
    }
}

impl std::error::Error for NotRun {}
