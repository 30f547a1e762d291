//! Checks the licences and the origin of the dependencies by the rules in `deny.toml`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::ensure;
use xtask_common::{process::run, workspace};

use crate::{packages::registry, tools::CARGO_DENY};

/// The time limit, which includes the download of dependencies for other systems.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs cargo-deny, without the check of vulnerabilities, whose list is on another site than the registry.
pub(super) fn check() -> anyhow::Result<()> {
    let mut deny = Command::new(CARGO_DENY.find_or_install()?);
    deny.current_dir(workspace::root()).args(["--log-level", "error"]);
    registry::offline_if_unreachable(&mut deny);
    deny.args(["check", "licenses", "bans", "sources"]).stderr(Stdio::inherit());
    let status = run::lines(&mut deny, LIMIT, |line| eprintln!("{line}"))?;
    ensure!(status.success(), "a dependency breaks a rule of deny.toml: cargo-deny ended with {status}");
    Ok(())
}
