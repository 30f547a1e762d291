//! The C headers of a newer Linux than the one that the system has, for the tests of the descriptions.
//!
//! The compiler Zig contains the headers that `make headers_install` writes, and is a package of pip.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use xtask_common::{process::run, workspace};
use xtask_install::Need;

use crate::{not_run::NotRun, tools::Tool};

/// The environment variable with the folder, which the tests read.
pub(crate) const VARIABLE: &str = "AEROSTAT_LINUX_HEADERS";
/// The package. Its headers do not depend on the system.
const PACKAGE: Tool = Tool::new("the headers of Linux", "ziglang");
/// The system whose package is downloaded.
const PLATFORM: &str = "manylinux2010_x86_64";
/// The time limit of the download, which has 100 MB.
const DOWNLOAD: Duration = Duration::from_secs(300);
/// The time limit to unpack the headers.
const UNPACK: Duration = Duration::from_secs(60);
/// Unpacks one folder of the archives in a folder.
const SCRIPT: &str = r#"
import pathlib, sys, zipfile
source, target = map(pathlib.Path, sys.argv[1:])
folder = "ziglang/lib/libc/include/any-linux-any/"
for archive in source.glob("*.whl"):
    with zipfile.ZipFile(archive) as archive:
        for name in archive.namelist():
            if name.startswith(folder) and not name.endswith("/"):
                path = target / name[len(folder):]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
"#;

/// Returns the folder, whether or not the headers are installed.
fn folder() -> anyhow::Result<PathBuf> {
    let version = PACKAGE.version()?;
    Ok(workspace::target_dir().join(format!("pip/ziglang-headers-{version}")))
}

/// Returns the folder with the headers if they are installed.
pub(crate) fn installed() -> Option<PathBuf> {
    folder().ok().filter(|folder| folder.is_dir())
}

/// Downloads the headers into the target folder, if they are not there.
///
/// # Errors
///
/// [`NotRun`] if pip cannot download the package.
pub(crate) fn install() -> anyhow::Result<()> {
    let folder = folder()?;
    if folder.is_dir() {
        return Ok(());
    }
    download(&folder).map_err(|error| NotRun::optional(format!("needs a package of pip: {error:#}")).into())
}

fn download(folder: &Path) -> anyhow::Result<()> {
    xtask_install::ensure(&[Need::Pip])?;
    let parent = folder.parent().context("the target folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    let work = tempfile::tempdir_in(parent)?;
    let (file, archives, content) =
        (work.path().join("requirement.txt"), work.path().join("archives"), work.path().join("content"));
    fs::write(&file, PACKAGE.requirement()?)?;
    eprintln!("Downloading the headers of a newer Linux with pip.");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--platform", PLATFORM, "--require-hashes", "--dest"]);
    pip.arg(&archives).arg("--requirement").arg(&file);
    pip.env("PIP_ROOT_USER_ACTION", "ignore").stderr(Stdio::inherit());
    let status = run::lines(&mut pip, DOWNLOAD, |line| eprintln!("{line}"))?;
    ensure!(status.success(), "pip ended with {status}");
    let mut unpack = Command::new("python3");
    unpack.args(["-c", SCRIPT]).arg(&archives).arg(&content).stderr(Stdio::inherit());
    let status = run::lines(&mut unpack, UNPACK, |line| eprintln!("{line}"))?;
    ensure!(status.success() && content.join("linux").is_dir(), "the package has no headers");
    match fs::rename(&content, folder) {
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(()),
        renamed => Ok(renamed?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_has_a_version_and_one_hash() {
        let requirement = PACKAGE.requirement().unwrap();
        assert!(requirement.starts_with(&format!("ziglang=={} ", PACKAGE.version().unwrap())), "{requirement}");
        assert_eq!(requirement.matches("--hash=sha256:").count(), 1, "{requirement}");
    }
}
