//! Installs packages on Debian and Ubuntu.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};

use xtask_build::toolchain::Version;
use xtask_common::{
    process::run,
    workspace::{self, which},
};

use super::need::{Need, names};

/// The time limit of apt-get.
const LIMIT: Duration = Duration::from_secs(600);
/// The time limit of a query.
const QUERY: Duration = Duration::from_secs(20);

/// The privilege to install packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// This program runs as root.
    Root,
    /// `sudo` without a password.
    Sudo,
}

/// How software is installed on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageManager {
    /// With apt-get, and this privilege to use it.
    Apt(Option<Privilege>),
    /// In another way.
    Other,
}

/// Finds out how software is installed on this machine.
pub(crate) fn package_manager() -> PackageManager {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) || which("apt-get").is_none() {
        return PackageManager::Other;
    }
    let sudo = || {
        let mut command = Command::new("sudo");
        run::output(command.args(["-n", "true"]).stderr(Stdio::null()), QUERY).is_ok_and(|(status, _)| status.success())
    };
    let privilege =
        if rustix::process::geteuid().is_root() { Some(Privilege::Root) } else { sudo().then_some(Privilege::Sudo) };
    PackageManager::Apt(privilege)
}

/// Returns whether `/etc/os-release` is from Debian, Ubuntu or a derivative.
fn is_debian(release: &str) -> bool {
    let fields = release.lines().filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")));
    fields.flat_map(|value| value.trim_matches('"').split_whitespace()).any(|id| matches!(id, "debian" | "ubuntu"))
}

/// Installs the packages for `missing`.
pub(crate) fn install(missing: &[Need], privilege: Privilege) -> anyhow::Result<()> {
    eprintln!("Missing on this machine: {}. Installing with apt-get.", names(missing));
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

/// Updates the package lists, with the privilege to do so.
pub(crate) fn update() -> anyhow::Result<()> {
    match package_manager() {
        PackageManager::Apt(Some(privilege)) => apt_get(privilege, &["update"]),
        PackageManager::Apt(None) => bail!("a package is missing in apt's lists\nhelp: sudo apt-get update"),
        PackageManager::Other => bail!("apt-get is not installed on this machine"),
    }
}

/// Returns the first set of packages that is available and new enough.
fn packages_for(need: Need) -> anyhow::Result<Vec<String>> {
    let minimum: Version = workspace::MINIMUM_RUST.parse().ok().context("the workspace has no valid rust-version")?;
    let mut reasons = Vec::new();
    let mut sets: Vec<Vec<String>> =
        need.packages().iter().map(|set| set.iter().map(|&name| name.to_owned()).collect()).collect();
    if need.is_rust() {
        sets.extend(numbered_rust());
    }
    for set in sets {
        let candidates = set.iter().map(|name| (name, candidate(name)));
        let Some((lead, Some(version))) = candidates.clone().next() else {
            reasons.push(format!("{} is not available", set.join(" and ")));
            continue;
        };
        if let Some((name, _)) = candidates.clone().find(|(_, candidate)| candidate.is_none()) {
            reasons.push(format!("{name} is not available"));
        } else if need.is_rust() && version.parse::<Version>().map_or(true, |version| version < minimum) {
            reasons.push(format!("{lead} is version {version}, older than the minimum {minimum}"));
        } else {
            return Ok(set);
        }
    }
    bail!("{} cannot be installed: {}\nhelp: {}", need.name(), reasons.join("; "), need.hint())
}

/// Returns Ubuntu's packages of Rust versions, `rustc-1.95` and `rust-1.95-src`, newest first.
fn numbered_rust() -> Vec<Vec<String>> {
    let found = ask(&["search", "--names-only", r"^rustc-1\.[0-9]+$"]).unwrap_or_default();
    let mut versions: Vec<Version> = found.lines().filter_map(numbered).collect();
    versions.sort_unstable();
    versions.iter().rev().map(|version| vec![format!("rustc-{version}"), format!("rust-{version}-src")]).collect()
}

/// Parses the version in a line like `rustc-1.95 - Rust systems programming language`.
fn numbered(line: &str) -> Option<Version> {
    line.split_whitespace().next()?.strip_prefix("rustc-")?.parse().ok()
}

/// Returns the version of a package that apt would install.
fn candidate(package: &str) -> Option<String> {
    candidate_in(&ask(&["policy", package])?)
}

fn candidate_in(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?.trim();
    // Drop the epoch of a version like "1:7.2".
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    (version != "(none)").then(|| version.to_owned())
}

/// Returns the output of apt-cache, if it succeeds.
pub(crate) fn ask(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("apt-cache");
    command.args(arguments).env("LC_ALL", "C").stderr(Stdio::null());
    run::output(&mut command, QUERY).ok().filter(|(status, _)| status.success()).map(|(_, text)| text)
}

fn apt_get(privilege: Privilege, arguments: &[&str]) -> anyhow::Result<()> {
    // Through `env`, because sudo does not pass the environment.
    const NONINTERACTIVE: &str = "DEBIAN_FRONTEND=noninteractive";
    let mut command = match privilege {
        Privilege::Root => Command::new("env"),
        Privilege::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "env"]);
            sudo
        }
    };
    command.args([NONINTERACTIVE, "apt-get", "-o", "DPkg::Lock::Timeout=120"]).args(arguments).stderr(Stdio::inherit());
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
    fn debian_and_its_derivatives_are_recognized() {
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
    fn the_candidate_version_has_no_epoch() {
        let policy = |version| format!("qemu:\n  Installed: (none)\n  Candidate: {version}\n  Version table:\n");
        assert_eq!(candidate_in(&policy("1:7.2+dfsg-7")).as_deref(), Some("7.2+dfsg-7"));
        assert_eq!(candidate_in(&policy("(none)")), None);
        assert_eq!(candidate_in(""), None);
    }

    #[test]
    fn package_names_contain_the_version() {
        assert_eq!(numbered("rustc-1.95 - Rust systems programming language"), "1.95".parse().ok());
        assert_eq!(numbered("rustc-web - for browsers"), None);
    }
}
