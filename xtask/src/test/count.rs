//! Numbers of passed, failed and ignored tests.

use std::{fmt, iter::Sum};

/// Numbers of passed, failed and ignored tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Tests that the harness did not run, because their source says so.
    pub(crate) ignored: usize,
}

impl Count {
    /// One test that passed.
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, ignored: 0 };
    /// One test that failed.
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, ignored: 0 };

    /// Parses a line of the test harness like `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let number = |name| numbers.split("; ").find_map(|part| part.strip_suffix(name)?.trim().parse().ok());
        Some(Self { passed: number("passed")?, failed: number("failed")?, ignored: number("ignored")? })
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, count| Self {
            passed: sum.passed + count.passed,
            failed: sum.failed + count.failed,
            ignored: sum.ignored + count.ignored,
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.ignored > 0 { write!(f, ", {} ignored", self.ignored) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_harness_are_parsed() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(Count::of_line(ok), Some(Count { passed: 12, failed: 0, ignored: 1 }));
        let bad = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(Count::of_line(bad), Some(Count { passed: 3, failed: 2, ignored: 0 }));
        assert_eq!(Count::of_line("test a_name ... ok"), None);
    }

    #[test]
    fn counts_add_up() {
        let total: Count =
            [Count { passed: 12, failed: 0, ignored: 2 }, Count::FAILED, Count::PASSED].into_iter().sum();
        assert_eq!(total.to_string(), "13 passed, 1 failed, 2 ignored");
    }
}
