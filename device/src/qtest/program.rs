//! Finds the QEMU binary.

use std::path::PathBuf;

/// The name of the binary.
const PROGRAM: &str = "qemu-system-x86_64";
/// The environment variable that makes tests fail if QEMU is not installed.
const REQUIRED: &str = "AEROSTAT_REQUIRE_QEMU";

/// Returns the path of the QEMU binary.
///
/// # Errors
///
/// A message that names the package to install, if QEMU is not in `PATH`.
pub fn qemu_available() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file()).ok_or_else(|| {
        format!("{PROGRAM} not found in PATH: install QEMU (Debian and Ubuntu: package qemu-system-x86)")
    })
}

/// Returns the path of the QEMU binary, or prints that the test is skipped and returns `None`.
///
/// # Panics
///
/// If QEMU is not installed and the environment variable `AEROSTAT_REQUIRE_QEMU` is set.
pub fn qemu_or_skip() -> Option<PathBuf> {
    match qemu_available() {
        Ok(program) => Some(program),
        Err(reason) if std::env::var_os(REQUIRED).is_some() => panic!("{REQUIRED} is set, but {reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}
