//! The names of what is measured.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum System {
    /// The host's kernel, with one system call for each page.
    HostPages,
    /// The host's kernel, with one system call for each 2 MiB.
    HostRuns,
    /// The host's kernel, with one system call.
    HostWhole,
    /// QEMU's device without a driver.
    Device,
    /// This driver in the guest of this workspace.
    Aerostat,
    /// This driver with block inflation.
    AerostatBlocks,
    /// The same, with an entry of the deflate queue for each page.
    AerostatDeflateEntries,
    /// This driver, which reports free memory and then inflates by arrays.
    AerostatReportFirst,
    /// Linux's driver.
    Linux,
    /// Linux's driver, in a kernel that does not zero allocated pages.
    LinuxUnzeroed,
}

impl System {
    pub(crate) const ALL: [Self; 10] = [
        Self::HostPages,
        Self::HostRuns,
        Self::HostWhole,
        Self::Device,
        Self::Aerostat,
        Self::AerostatBlocks,
        Self::AerostatDeflateEntries,
        Self::AerostatReportFirst,
        Self::Linux,
        Self::LinuxUnzeroed,
    ];

    /// Returns the name for users.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::HostPages => "host, page by page",
            Self::HostRuns => "host, 2 MiB at a time",
            Self::HostWhole => "host, all at once",
            Self::Device => "QEMU's device, no driver",
            Self::Aerostat => "Aerostat",
            Self::AerostatBlocks => "Aerostat, blocks",
            Self::AerostatDeflateEntries => "Aerostat, blocks, deflate entries",
            Self::AerostatReportFirst => "Aerostat, report first",
            Self::Linux => "Linux",
            Self::LinuxUnzeroed => "Linux, init_on_alloc=0",
        }
    }
}

/// The direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    Inflate,
    Deflate,
}

/// The state of the memory before inflation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It was never written to.
    Untouched,
    /// All of it was written to.
    Touched,
    /// It was written to, and the host has discarded it since.
    Discarded,
}

/// What is compared, and its heading.
pub(crate) const STATES: [(Action, State, &str); 4] = [
    (Action::Inflate, State::Untouched, "inflate, untouched"),
    (Action::Inflate, State::Touched, "inflate, touched"),
    (Action::Deflate, State::Untouched, "deflate, untouched before"),
    (Action::Deflate, State::Touched, "deflate, touched before"),
];
