//! How much is tested.

/// How much is tested. Each scope includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// What needs only Rust.
    Host,
    /// All that a change has to pass.
    All,
    /// Also what takes long.
    Long,
}

impl Scope {
    /// Returns the environment variable that passes the scope to the tests. With the first one, tests skip what needs Linux's
    /// headers or a C compiler if these are missing. With the other one, tests fail without QEMU.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::Host => "AEROSTAT_HOST_ONLY",
            Self::All | Self::Long => "AEROSTAT_REQUIRE_QEMU",
        }
    }
}
