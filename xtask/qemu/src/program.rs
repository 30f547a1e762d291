//! Finds the QEMU program.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use xtask_common::{arch::Arch, process::run, workspace};

use super::error::QemuError;

/// The time limit for QEMU to print its version.
const LIMIT: Duration = Duration::from_secs(20);

/// Returns the name of the QEMU program for an architecture.
pub const fn name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "qemu-system-x86_64",
        Arch::Aarch64 => "qemu-system-aarch64",
        Arch::Riscv64 => "qemu-system-riscv64",
    }
}

/// Returns the Debian package with that program.
const fn package(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "qemu-system-x86",
        Arch::Aarch64 => "qemu-system-arm",
        Arch::Riscv64 => "qemu-system-misc",
    }
}

/// Returns the firmware file that the machine needs and that a package of its own may provide.
const fn firmware(arch: Arch) -> Option<&'static str> {
    match arch {
        Arch::X86_64 | Arch::Aarch64 => None,
        Arch::Riscv64 => Some("opensbi-riscv64-generic-fw_dynamic.bin"),
    }
}

/// A QEMU program that works.
#[derive(Clone, Debug)]
pub struct Program {
    /// The path of the program.
    pub path: PathBuf,
    /// The version, for instance `QEMU emulator version 7.2.22`.
    pub version: String,
}

/// Finds the program, `given` or in `PATH`, and runs it to get its version.
///
/// # Errors
///
/// If the program does not exist, does not work or lacks firmware.
pub fn find(arch: Arch, given: Option<&Path>) -> Result<Program, QemuError> {
    let not_found = |program: PathBuf| QemuError::NotFound { program, package: package(arch) };
    let path = match given {
        Some(path) => path.to_path_buf(),
        None => workspace::which(name(arch)).ok_or_else(|| not_found(name(arch).into()))?,
    };
    let broken = |reason: String| QemuError::Broken { program: path.clone(), reason };
    let mut command = Command::new(&path);
    let (status, text) = match run::output(command.arg("--version").stderr(Stdio::inherit()), LIMIT) {
        Ok(output) => output,
        Err(run::RunError::Interrupted(interrupted)) => return Err(interrupted.into()),
        Err(run::RunError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(not_found(path));
        }
        Err(error) => return Err(broken(error.to_string())),
    };
    if !status.success() {
        return Err(broken(format!("`--version` ended with {status}")));
    }
    let first = text.lines().next().unwrap_or_default();
    if !first.contains("QEMU") {
        return Err(broken(format!("`--version` printed {first:?}, not a QEMU version")));
    }
    // "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)": drop the version of the distribution.
    let version = first.split(" (").next().unwrap_or(first).to_owned();
    match firmware(arch) {
        Some(file) if !has_firmware(&path, file) => Err(QemuError::NoFirmware { program: path, file }),
        _ => Ok(Program { path, version }),
    }
}

/// Returns whether `file` is in one of QEMU's firmware folders.
fn has_firmware(program: &Path, file: &str) -> bool {
    let mut command = Command::new(program);
    let folders = run::output(command.args(["-L", "help"]).stderr(Stdio::inherit()), LIMIT);
    folders.is_ok_and(|(_, text)| text.lines().any(|folder| Path::new(folder).join(file).is_file()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn firmware_is_searched_in_qemus_folders() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("qemu");
        let script =
            "[ \"$1\" = -L ] && echo /no/such/folder && exec dirname \"$0\"; echo 'QEMU emulator version 9.0 (x)'";
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let found = |arch| find(arch, Some(&program));

        assert_eq!(found(Arch::Aarch64).unwrap().version, "QEMU emulator version 9.0");
        let error = found(Arch::Riscv64).unwrap_err().to_string();
        assert!(error.contains("has no firmware `opensbi-riscv64") && error.contains("package opensbi"), "{error}");
        fs::write(folder.path().join("opensbi-riscv64-generic-fw_dynamic.bin"), "").unwrap();
        assert!(found(Arch::Riscv64).is_ok());
    }
}
