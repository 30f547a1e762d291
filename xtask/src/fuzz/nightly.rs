//! The compiler for sanitizers.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use xtask_common::{process::run, workspace};

use crate::not_run::NotRun;

/// The target of a build with a sanitizer. With a target of its own, build scripts are built without it.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Returns a command that runs cargo of the nightly toolchain.
pub(super) fn cargo() -> Command {
    let mut cargo = Command::new("rustup");
    cargo.args(["run", "nightly", "cargo"]).current_dir(workspace::root());
    // Cargo of another toolchain must not inherit the compiler of this one.
    cargo.env_remove("RUSTC").env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    cargo
}

/// Checks that the nightly toolchain is there, and that this machine runs the target.
///
/// # Errors
///
/// [`NotRun`]
pub(super) fn check() -> Result<(), NotRun> {
    let mut query = cargo();
    let answer = run::output(query.arg("--version").stderr(Stdio::null()), Duration::from_secs(20));
    let is_there =
        cfg!(all(target_os = "linux", target_arch = "x86_64")) && answer.is_ok_and(|(status, _)| status.success());
    if is_there {
        Ok(())
    } else {
        Err(NotRun::optional("needs Linux on x86_64 and a nightly compiler: `rustup toolchain install nightly`"))
    }
}
