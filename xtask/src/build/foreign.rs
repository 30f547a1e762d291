//! Building for processors that are not the host's, and running what was built under emulation.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    probe,
    toolchain::{Recipe, target_variable},
};
use crate::{process::run, workspace};

/// A processor that differs from those on which the tests run otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// s390x: 64 bits, big-endian.
    BigEndian,
    /// i686: 32 bits, and 64-bit integers are aligned to 4 bytes only.
    Narrow,
}

impl Foreign {
    /// The name of its Rust target.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::BigEndian => "s390x-unknown-linux-gnu",
            Self::Narrow => "i686-unknown-linux-gnu",
        }
    }

    /// The C compiler that links for it.
    const fn linker(self) -> &'static str {
        match self {
            Self::BigEndian => "s390x-linux-gnu-gcc",
            Self::Narrow => "i686-linux-gnu-gcc",
        }
    }

    /// QEMU that runs its programs.
    const fn emulator(self) -> &'static str {
        match self {
            Self::BigEndian => "qemu-s390x",
            Self::Narrow => "qemu-i386",
        }
    }

    /// The Debian packages that bring linker, C library and emulator.
    pub(crate) const fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::BigEndian => &[&["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross", "qemu-user"]],
            Self::Narrow => &[&["gcc-i686-linux-gnu", "libc6-dev-i386-cross", "qemu-user"]],
        }
    }

    /// What to do where the packages are not known.
    pub(crate) fn hint(self) -> String {
        format!("install {} with a static C library, and {}", self.linker(), self.emulator())
    }

    /// Whether linker, C library and emulator are there.
    pub(crate) fn can_link_and_run(self) -> bool {
        workspace::which(self.emulator()).is_some() && self.has_static_library()
    }

    /// Whether the linker finds a C library to link statically with: asked for a file that it does not have, it answers
    /// with the bare name.
    fn has_static_library(self) -> bool {
        let mut linker = Command::new(self.linker());
        linker.arg("-print-file-name=libc.a").stderr(Stdio::null());
        run::output(&mut linker, Duration::from_secs(20))
            .is_ok_and(|(status, path)| status.success() && Path::new(path.trim()).is_absolute())
    }

    /// `cargo test` for this processor, and how it was chosen.
    pub(crate) fn cargo_test(self) -> anyhow::Result<(Command, Recipe)> {
        let recipe = probe::recipe(self.target())?;
        let mut cargo = recipe.cargo("test", &workspace::target_dir().join("foreign"), "std");
        cargo
            .args(["--profile", "foreign"])
            .env(target_variable(recipe.target, "LINKER"), self.linker())
            .env(target_variable(recipe.target, "RUNNER"), self.emulator())
            // A static program needs no folder with libraries of its own processor. In this variable the flags hold
            // whatever else `RUSTFLAGS` says.
            .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
        Ok((cargo, recipe))
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BigEndian => "s390x",
            Self::Narrow => "i686",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_brings_what_is_looked_for() {
        for processor in [Foreign::BigEndian, Foreign::Narrow] {
            let linker = format!("{} ", processor.linker().trim_end_matches("-gcc"));
            let packages = processor.packages()[0].join(" ");
            assert!(packages.starts_with(&format!("gcc-{linker}")), "{packages}");
            assert!(processor.hint().contains(processor.emulator()));
        }
    }
}
