//! How much is tested.

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What needs only Rust.
    Host,
    /// Everything.
    All,
}

impl Scope {
    /// Returns the environment variable that passes the scope to the tests. With the first one, tests skip what needs Linux's
    /// headers or a C compiler if these are missing. With the second one, tests fail without QEMU.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Host => "AEROSTAT_HOST_ONLY",
            Self::All => "AEROSTAT_REQUIRE_QEMU",
        }
    }
}
