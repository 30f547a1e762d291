//! Debian packages that are unpacked into a folder and not installed: nobody needs a right for that.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use super::apt;
use crate::process::run;

/// Longest time for a package to arrive and to be unpacked.
const LIMIT: Duration = Duration::from_secs(300);

/// The first package that `package` depends on: the real one behind one that always names the newest.
pub(crate) fn first_dependency(package: &str) -> anyhow::Result<String> {
    let depends = || apt::ask(&["depends", "--important", package]).as_deref().and_then(first_depends);
    if let Some(found) = depends() {
        return Ok(found);
    }
    // Where apt knows nothing, its lists may never have been fetched.
    apt::update()?;
    depends().with_context(|| format!("apt knows no package {package}"))
}

/// The first package in what `apt-cache depends` says.
fn first_depends(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.trim().strip_prefix("Depends:")).map(|name| name.trim().to_owned())
}

/// The folder with what is in `package`, which is fetched unless it is there.
pub(crate) fn unpacked(package: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let done = folder.join(package);
    if done.is_dir() {
        return Ok(done);
    }
    eprintln!("Fetching {package}.");
    fs::create_dir_all(folder).with_context(|| format!("there can be no folder {}", folder.display()))?;
    let work = tempfile::tempdir_in(folder)?;
    let fetched = || download(package, work.path());
    fetched().or_else(|_| apt::update().and_then(|()| fetched()))?;
    let archive = fs::read_dir(work.path())?.filter_map(|entry| Some(entry.ok()?.path()));
    let archive = archive.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let content = work.path().join("content");
    succeed(Command::new("dpkg-deb").arg("--extract").arg(archive.context("apt fetched nothing")?).arg(&content))?;
    // A half-unpacked package is never taken for a whole one.
    fs::rename(&content, &done)?;
    Ok(done)
}

fn download(package: &str, folder: &Path) -> anyhow::Result<()> {
    succeed(Command::new("apt-get").args(["download", package]).current_dir(folder))
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
    fn the_real_package_stands_behind_the_first_depends() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n  Depends: other\n";
        assert_eq!(first_depends(text).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(first_depends("linux-image-cloud-amd64\n"), None);
    }
}
