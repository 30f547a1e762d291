//! Where QEMU is.

use std::path::PathBuf;

/// The program.
const PROGRAM: &str = "qemu-system-x86_64";
/// When this is set in the environment, a test without QEMU fails.
const REQUIRED: &str = "AEROSTAT_REQUIRE_QEMU";

/// Where QEMU is.
///
/// # Errors
///
/// What to install, when it is not there.
pub fn qemu_available() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file()).ok_or_else(|| {
        format!("there is no {PROGRAM} in PATH: install QEMU (Debian and Ubuntu: the package qemu-system-x86)")
    })
}

/// QEMU for a test. Where there is none: `None`, and a line that says so, for the test to end early.
///
/// # Panics
///
/// When there is none although the environment has `AEROSTAT_REQUIRE_QEMU`: a run that is to prove something sets it.
pub fn qemu_or_skip() -> Option<PathBuf> {
    match qemu_available() {
        Ok(program) => Some(program),
        Err(reason) if std::env::var_os(REQUIRED).is_some() => panic!("{REQUIRED} is set, and {reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            None
        }
    }
}
