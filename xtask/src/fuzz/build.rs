//! Builds the seeded loop.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use xtask_common::{process::run as process, workspace};

use super::nightly;

/// How the loop is built.
#[derive(Clone, Debug)]
pub(super) struct Build {
    sources: PathBuf,
    target_dir: PathBuf,
    sanitizes: bool,
    /// Whether building fast is more important than running fast.
    is_quick: bool,
}

impl Build {
    /// Builds the sources of this workspace.
    pub(super) fn of_workspace(sanitizes: bool) -> Self {
        let target_dir = workspace::target_dir();
        let target_dir = if sanitizes { target_dir.join("sanitized") } else { target_dir };
        Self { sources: workspace::root(), target_dir, sanitizes, is_quick: false }
    }

    /// Builds a copy of the sources that changes often.
    pub(super) fn of_copy(sources: &Path, target_dir: &Path) -> Self {
        Self { sources: sources.to_owned(), target_dir: target_dir.to_owned(), sanitizes: false, is_quick: true }
    }

    /// Builds the loop and returns the command that runs it.
    pub(super) fn program(&self) -> anyhow::Result<Command> {
        let mut cargo = workspace::cargo();
        let mut output = self.target_dir.clone();
        if self.sanitizes {
            cargo = nightly::cargo();
            // Another compiler has other warnings.
            cargo.env("RUSTFLAGS", "-Zsanitizer=address -Awarnings");
            output.push(nightly::TARGET);
        }
        if self.is_quick {
            cargo.env("CARGO_PROFILE_FUZZ_OPT_LEVEL", "1").env("CARGO_INCREMENTAL", "1");
        }
        cargo.current_dir(&self.sources).args(["build", "--quiet", "--profile", "fuzz", "--package", "aerostat-fuzz"]);
        if self.sanitizes {
            cargo.args(["--target", nightly::TARGET]);
        }
        cargo.arg("--target-dir").arg(&self.target_dir).stderr(Stdio::inherit());
        let status = process::lines(&mut cargo, process::BUILD_LIMIT, |line| println!("{line}"))
            .context("failed to build `fuzz/`")?;
        ensure!(status.success(), "failed to build `fuzz/`: cargo ended with {status}");
        let mut program = Command::new(output.join("fuzz/aerostat-fuzz"));
        // What episodes forget on purpose is leaked.
        program.env("ASAN_OPTIONS", "detect_leaks=0");
        Ok(program)
    }
}
