//! Builds and runs tests for foreign processors, under user-mode emulation.

use std::{
    fmt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use xtask_common::{process::run, workspace};

use super::{
    probe,
    toolchain::{Recipe, target_variable},
};

/// A processor that differs from the usual hosts in byte order or word size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// s390x: 64 bits, big-endian.
    BigEndian,
    /// i686: 32 bits, and 64-bit integers are aligned to 4 bytes only.
    Narrow,
}

impl Foreign {
    /// Returns the name of the Rust target.
    pub const fn target(self) -> &'static str {
        match self {
            Self::BigEndian => "s390x-unknown-linux-gnu",
            Self::Narrow => "i686-unknown-linux-gnu",
        }
    }

    /// Returns the C compiler that links for the target.
    const fn linker(self) -> &'static str {
        match self {
            Self::BigEndian => "s390x-linux-gnu-gcc",
            Self::Narrow => "i686-linux-gnu-gcc",
        }
    }

    /// Returns the user-mode QEMU that runs its programs.
    const fn emulator(self) -> &'static str {
        match self {
            Self::BigEndian => "qemu-s390x",
            Self::Narrow => "qemu-i386",
        }
    }

    /// Returns the Debian packages with linker, C library and emulator.
    pub const fn packages(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::BigEndian => &[&["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross", "qemu-user"]],
            Self::Narrow => &[&["gcc-i686-linux-gnu", "libc6-dev-i386-cross", "qemu-user"]],
        }
    }

    /// Returns what to install on other systems than Debian.
    pub fn hint(self) -> String {
        format!("install {} with a static C library, and {}", self.linker(), self.emulator())
    }

    /// Returns whether linker, C library and emulator are installed.
    pub fn can_link_and_run(self) -> bool {
        workspace::which(self.emulator()).is_some() && self.has_static_library()
    }

    /// Returns whether the linker finds a static C library. For a file that it does not have it prints only the name.
    fn has_static_library(self) -> bool {
        let mut linker = Command::new(self.linker());
        linker.arg("-print-file-name=libc.a").stderr(Stdio::null());
        run::output(&mut linker, Duration::from_secs(20))
            .is_ok_and(|(status, path)| status.success() && Path::new(path.trim()).is_absolute())
    }

    /// Returns `cargo test` for this processor, and how its toolchain was chosen.
    ///
    /// # Errors
    ///
    /// If no toolchain can build for the target.
    pub fn cargo_test(self) -> anyhow::Result<(Command, Recipe)> {
        let recipe = probe::recipe(self.target())?;
        let mut cargo = recipe.cargo("test", &workspace::target_dir().join("foreign"), "std");
        cargo
            .args(["--profile", "foreign"])
            .env(target_variable(recipe.target, "LINKER"), self.linker())
            .env(target_variable(recipe.target, "RUNNER"), self.emulator())
            // A static program needs no libraries of its processor at run time. This variable overrides `RUSTFLAGS`.
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
    fn packages_match_the_programs() {
        for processor in [Foreign::BigEndian, Foreign::Narrow] {
            let linker = format!("{} ", processor.linker().trim_end_matches("-gcc"));
            let packages = processor.packages()[0].join(" ");
            assert!(packages.starts_with(&format!("gcc-{linker}")), "{packages}");
            assert!(processor.hint().contains(processor.emulator()));
        }
    }
}
