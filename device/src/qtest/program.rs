//! Finds the QEMU binary.

use std::fs::OpenOptions;
use std::io::Write as _;
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

/// The environment variable with the name of a file that lists skipped tests.
const SKIPPED: &str = "AEROSTAT_SKIPPED";

/// Returns the path of the QEMU binary, or prints that the test is skipped and returns `None`. If the environment variable
/// `AEROSTAT_SKIPPED` has the name of a file, appends the test and the reason to it.
///
/// # Panics
///
/// If QEMU is not installed and the environment variable `AEROSTAT_REQUIRE_QEMU` is set, or if the file cannot be written.
pub fn qemu_or_skip() -> Option<PathBuf> {
    match qemu_available() {
        Ok(program) => Some(program),
        Err(reason) if std::env::var_os(REQUIRED).is_some() => panic!("{REQUIRED} is set, but {reason}"),
        Err(reason) => {
            eprintln!("skipped: {reason}");
            if let Some(file) = std::env::var_os(SKIPPED) {
                // The test harness names the thread after the test.
                let line = format!("{}: {reason}\n", std::thread::current().name().unwrap_or("a test"));
                let file = OpenOptions::new().create(true).append(true).open(file);
                file.and_then(|mut file| file.write_all(line.as_bytes())).expect("failed to list a skipped test");
            }
            None
        }
    }
}
