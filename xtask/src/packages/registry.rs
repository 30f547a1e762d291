//! Whether crates.io can be reached.

use std::{
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use xtask_common::{process::run, workspace};

/// The time limit of a request. It hangs if the network drops packets.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns whether the registry can be reached. It is asked once.
pub(crate) fn is_reachable() -> bool {
    static REACHABLE: OnceLock<bool> = OnceLock::new();
    *REACHABLE.get_or_init(|| {
        let mut cargo = workspace::cargo();
        cargo.args(["info", "--registry", "crates-io", "--quiet", "log"]).stderr(Stdio::null());
        matches!(run::output(&mut cargo, LIMIT), Ok((status, _)) if status.success())
    })
}

/// Makes cargo use the files that it has downloaded before if the registry cannot be reached.
pub(crate) fn offline_if_unreachable(cargo: &mut Command) {
    if !is_reachable() {
        cargo.arg("--offline");
    }
}
