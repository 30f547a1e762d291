//! Debian's and Ubuntu's packages.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};

use super::need::{Host, Need};
use crate::{
    build::toolchain::Version,
    process::run,
    workspace::{self, which},
};

/// Longest time for apt-get.
const LIMIT: Duration = Duration::from_secs(600);
/// Longest time for a question.
const QUESTION: Duration = Duration::from_secs(20);

/// By what right packages are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    Root,
    /// `sudo` that asks for no password.
    Sudo,
}

/// How software comes to this machine.
pub(super) fn host() -> Host {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) || which("apt-get").is_none() {
        return Host::Other;
    }
    let sudo = || {
        let mut command = Command::new("sudo");
        run::output(command.args(["-n", "true"]).stderr(Stdio::null()), QUESTION)
            .is_ok_and(|(status, _)| status.success())
    };
    let privilege =
        if rustix::process::geteuid().is_root() { Some(Privilege::Root) } else { sudo().then_some(Privilege::Sudo) };
    Host::Apt(privilege)
}

/// Whether `/etc/os-release` is that of Debian, Ubuntu or a descendant.
fn is_debian(release: &str) -> bool {
    let fields = release.lines().filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")));
    fields.flat_map(|value| value.trim_matches('"').split_whitespace()).any(|id| matches!(id, "debian" | "ubuntu"))
}

/// Installs the packages for `missing`.
pub(super) fn install(missing: &[Need], privilege: Privilege) -> anyhow::Result<()> {
    eprintln!("Missing on this machine: {}. Installing it by apt-get.", super::names(missing));
    apt_get(privilege, &["update"])?;
    let mut packages = Vec::new();
    for need in missing {
        packages.extend(packages_for(*need)?);
    }
    packages.sort_unstable();
    packages.dedup();
    eprintln!("Installing {}.", packages.join(" "));
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages.iter().map(String::as_str));
    apt_get(privilege, &arguments)
}

/// Fetches the lists of packages, where that may be done.
pub(super) fn update() -> anyhow::Result<()> {
    match host() {
        Host::Apt(Some(privilege)) => apt_get(privilege, &["update"]),
        Host::Apt(None) => bail!("apt's lists lack a package\nhelp: sudo apt-get update"),
        Host::Other => bail!("there is no apt-get on this machine"),
    }
}

/// The first set of packages that can be had here and is new enough.
fn packages_for(need: Need) -> anyhow::Result<Vec<String>> {
    let minimum: Version = workspace::MINIMUM_RUST.parse().ok().context("the workspace states no rust-version")?;
    let mut reasons = Vec::new();
    let mut sets: Vec<Vec<String>> =
        need.packages().iter().map(|set| set.iter().map(|&name| name.to_owned()).collect()).collect();
    if need.is_rust() {
        sets.extend(numbered_rust());
    }
    for set in sets {
        let candidates = set.iter().map(|name| (name, candidate(name)));
        let Some((lead, Some(version))) = candidates.clone().next() else {
            reasons.push(format!("{} is not to be had", set.join(" and ")));
            continue;
        };
        if let Some((name, _)) = candidates.clone().find(|(_, candidate)| candidate.is_none()) {
            reasons.push(format!("{name} is not to be had"));
        } else if need.is_rust() && version.parse::<Version>().map_or(true, |version| version < minimum) {
            reasons.push(format!("{lead} is version {version}, and {minimum} is the oldest that will do"));
        } else {
            return Ok(set);
        }
    }
    bail!("{} cannot be installed: {}\nhelp: {}", need.name(), reasons.join("; "), need.hint())
}

/// Ubuntu's packages of single Rust versions, `rustc-1.95` and `rust-1.95-src`; the newest first.
fn numbered_rust() -> Vec<Vec<String>> {
    let found = ask(&["search", "--names-only", r"^rustc-1\.[0-9]+$"]).unwrap_or_default();
    let mut versions: Vec<Version> = found.lines().filter_map(numbered).collect();
    versions.sort_unstable();
    versions.iter().rev().map(|version| vec![format!("rustc-{version}"), format!("rust-{version}-src")]).collect()
}

/// The version in a line like `rustc-1.95 - Rust systems programming language`.
fn numbered(line: &str) -> Option<Version> {
    line.split_whitespace().next()?.strip_prefix("rustc-")?.parse().ok()
}

/// The version of a package that would be installed.
fn candidate(package: &str) -> Option<String> {
    candidate_in(&ask(&["policy", package])?)
}

fn candidate_in(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?.trim();
    // An epoch ("1:7.2") says nothing of the version.
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    (version != "(none)").then(|| version.to_owned())
}

/// What apt-cache answers, if it does.
pub(super) fn ask(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("apt-cache");
    command.args(arguments).env("LC_ALL", "C").stderr(Stdio::null());
    run::output(&mut command, QUESTION).ok().filter(|(status, _)| status.success()).map(|(_, text)| text)
}

fn apt_get(privilege: Privilege, arguments: &[&str]) -> anyhow::Result<()> {
    // Through `env`, because sudo does not pass the environment on.
    const ASK_NOTHING: &str = "DEBIAN_FRONTEND=noninteractive";
    let mut command = match privilege {
        Privilege::Root => Command::new("env"),
        Privilege::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "env"]);
            sudo
        }
    };
    command.args([ASK_NOTHING, "apt-get", "-o", "DPkg::Lock::Timeout=120"]).args(arguments).stderr(Stdio::inherit());
    let status = run::lines(&mut command, LIMIT, |line| eprintln!("{line}"))?;
    if !status.success() {
        bail!("`apt-get {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_descendants_are_known() {
        for release in
            ["PRETTY_NAME=\"x\"\nID=debian\n", "ID=ubuntu\nID_LIKE=debian", "ID=mint\nID_LIKE=\"ubuntu debian\""]
        {
            assert!(is_debian(release), "{release}");
        }
        for release in ["ID=fedora\n", "ID=\"opensuse\"\nID_LIKE=\"suse\"", "VARIANT_ID=debian", ""] {
            assert!(!is_debian(release), "{release}");
        }
    }

    #[test]
    fn the_candidate_is_read_without_its_epoch() {
        let policy = |version| format!("qemu:\n  Installed: (none)\n  Candidate: {version}\n  Version table:\n");
        assert_eq!(candidate_in(&policy("1:7.2+dfsg-7")).as_deref(), Some("7.2+dfsg-7"));
        assert_eq!(candidate_in(&policy("(none)")), None);
        assert_eq!(candidate_in(""), None);
    }

    #[test]
    fn numbered_packages_give_their_version() {
        assert_eq!(numbered("rustc-1.95 - Rust systems programming language"), "1.95".parse().ok());
        assert_eq!(numbered("rustc-web - for browsers"), None);
    }
}
