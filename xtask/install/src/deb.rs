//! Unpacks Debian packages into a folder without installing them, which needs no privilege.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use xtask_common::process::run;

use super::apt;

/// The time limit to download or unpack a package.
const LIMIT: Duration = Duration::from_secs(300);

/// Returns the first dependency of `package`: the real package behind a metapackage.
///
/// # Errors
///
/// If apt does not know the package.
pub fn first_dependency(package: &str) -> anyhow::Result<String> {
    let depends = || apt::ask(&["depends", "--important", package]).as_deref().and_then(first_depends);
    if let Some(found) = depends() {
        return Ok(found);
    }
    // The package lists may be missing.
    apt::update()?;
    depends().with_context(|| format!("apt does not know the package {package}"))
}

/// Returns the first package in the output of `apt-cache depends`.
fn first_depends(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.trim().strip_prefix("Depends:")).map(|name| name.trim().to_owned())
}

/// Returns a folder with the content of `package`, which is downloaded unless it exists.
///
/// # Errors
///
/// If the package cannot be downloaded or unpacked.
pub fn unpacked(package: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let done = folder.join(package);
    if done.is_dir() {
        return Ok(done);
    }
    eprintln!("Downloading {package}.");
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let work = tempfile::tempdir_in(folder)?;
    let fetched = || download(package, work.path());
    fetched().or_else(|_| apt::update().and_then(|()| fetched()))?;
    let archive = fs::read_dir(work.path())?.filter_map(|entry| Some(entry.ok()?.path()));
    let archive = archive.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let content = work.path().join("content");
    succeed(Command::new("dpkg-deb").arg("--extract").arg(archive.context("apt downloaded nothing")?).arg(&content))?;
    // The rename is atomic, so an incomplete package is never used.
    fs::rename(&content, &done)?;
    Ok(done)
}

fn download(package: &str, folder: &Path) -> anyhow::Result<()> {
    // As root, apt downloads as the user `_apt`, who often cannot write to the target folder. apt then prints a notice and downloads
    // as root. With this option it does so at once. Without root the option has no effect.
    const AS_THIS_USER: &str = "APT::Sandbox::User=root";
    succeed(Command::new("apt-get").args(["-o", AS_THIS_USER, "download", package]).current_dir(folder))
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let (status, _) = run::output(command.env("LC_ALL", "C").stderr(Stdio::inherit()), LIMIT)?;
    ensure!(status.success(), "`{program}` ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dependency_is_the_real_package() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Depends: other\n";
        assert_eq!(first_depends(text).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(first_depends("linux-image-cloud-amd64\n"), None);
    }
}
