//! Injected failures of platform calls.

use crate::fault::When;

/// The calls of one kind that fail.
#[derive(Debug, Default)]
pub(super) struct FailurePlan {
    calls: u64,
    when: Option<When>,
}

impl FailurePlan {
    /// Returns a plan that counts calls from 0.
    pub(super) fn new(when: Option<When>) -> Self {
        Self { calls: 0, when }
    }

    /// Counts a call. Returns whether it has to fail.
    pub(super) fn next_call_fails(&mut self) -> bool {
        let number = self.calls;
        self.calls += 1;
        self.when.is_some_and(|when| when.matches(number))
    }
}
