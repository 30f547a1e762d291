//! The packages of the published crates, unpacked into a workspace of their own. It has the files that users get, and no others.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use xtask_common::{process::run, workspace};

use super::{
    manifests::{Package, published},
    registry,
};

/// The time limit to pack the crates.
const PACK: Duration = Duration::from_secs(120);
/// The time limit to unpack a crate.
const UNPACK: Duration = Duration::from_secs(30);

/// The folder with the unpacked packages.
#[derive(Debug)]
pub(crate) struct Unpacked {
    folder: PathBuf,
}

impl Unpacked {
    /// Packs the published crates and unpacks them.
    ///
    /// # Errors
    ///
    /// If a crate cannot be packed.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let packages = published()?;
        pack(&packages)?;
        let folder = workspace::target_dir().join(name);
        // Remove the files of an older version.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        for package in &packages {
            unpack(&workspace::target_dir().join("package").join(folder_of(package) + ".crate"), &folder)?;
        }
        fs::write(folder.join("Cargo.toml"), manifest(&packages))?;
        // The versions that the workspace is tested with.
        fs::copy(workspace::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(Self { folder })
    }

    /// Removes the dev-dependencies from the manifests, so that they do not take part in the choice of versions.
    ///
    /// # Errors
    ///
    /// If a manifest cannot be read or written.
    pub(crate) fn remove_dev_dependencies(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let manifest = entry?.path().join("Cargo.toml");
            if manifest.is_file() {
                fs::write(&manifest, without_dev_dependencies(&fs::read_to_string(&manifest)?))?;
            }
        }
        Ok(())
    }

    /// Makes a command run in the folder. Its build directory is shared with the workspace, so most dependencies are built.
    pub(crate) fn enter<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", workspace::target_dir());
        // Without the flags of this repository's .cargo/config.toml, which users do not have.
        command.env("RUSTDOCFLAGS", "")
    }
}

fn folder_of(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

fn pack(packages: &[Package]) -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    // Without cargo's own build of each package: it would build the dependencies once a package.
    cargo.args(["package", "--no-verify", "--allow-dirty", "--quiet"]).stderr(Stdio::inherit());
    cargo.args(packages.iter().flat_map(|package| ["--package", &package.name]));
    registry::offline_if_unreachable(&mut cargo);
    let status = run::lines(&mut cargo, PACK, |line| println!("{line}"))?;
    ensure!(status.success(), "failed to pack the published crates: cargo ended with {status}");
    Ok(())
}

fn unpack(package: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut tar = Command::new("tar");
    // With the current time (`m`): all files of a package have the same old time, so cargo would not see that one has changed.
    tar.arg("-xzmf").arg(package).arg("-C").arg(folder).stderr(Stdio::inherit());
    let status = run::lines(&mut tar, UNPACK, |_| {}).context("failed to unpack a crate")?;
    ensure!(status.success(), "failed to unpack {}: tar ended with {status}", package.display());
    Ok(())
}

/// Returns a manifest as cargo writes it, in which each dependency is a table, without the tables of dev-dependencies.
fn without_dev_dependencies(manifest: &str) -> String {
    let mut keep = true;
    let mut text = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            keep = !line.contains("dev-dependencies");
        }
        if keep {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// Returns the manifest of a workspace in which the packages depend on each other.
fn manifest(packages: &[Package]) -> String {
    let mut text = "[workspace]\nresolver = \"3\"\nmembers = [\n".to_owned();
    for package in packages {
        let _ = writeln!(text, "    \"{}\",", folder_of(package));
    }
    text += "]\n\n[patch.crates-io]\n";
    for package in packages {
        let _ = writeln!(text, "{} = {{ path = \"{}\" }}", package.name, folder_of(package));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dev_dependencies_are_removed() {
        let kept = "[dependencies.syn]\nversion = \"3\"\n\n[lints.rust]\nmissing_docs = \"warn\"\n";
        let (before, after) = kept.split_at(kept.find("[lints").unwrap());
        let removed = "[dev-dependencies]\n[target.'cfg(unix)'.dev-dependencies.trybuild]\nversion = \"1.0\"\n\n";
        assert_eq!(without_dev_dependencies(&format!("{before}{removed}{after}")), kept);
    }

    #[test]
    fn packages_replace_those_of_the_registry() {
        let package = Package { name: "test-crate".into(), version: "1.2.3".into(), ..Package::default() };
        let text = manifest(&[package]);
        assert!(text.contains("members = [\n    \"test-crate-1.2.3\",\n]"), "{text}");
        assert!(text.contains("[patch.crates-io]\ntest-crate = { path = \"test-crate-1.2.3\" }\n"), "{text}");
    }
}
