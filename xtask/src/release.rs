//! `cargo xtask release`: checks that the crates can be published.

use std::{fs, process::Stdio, time::Duration};

use anyhow::{bail, ensure};
use clap::Args;

use xtask_common::{process::run, workspace};

use crate::packages::{
    checks,
    manifests::{Package, published},
    problems::problems,
};

/// The time limit of git.
const GIT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseArguments {}

pub(crate) fn command(_: &ReleaseArguments) -> anyhow::Result<()> {
    let packages = published()?;
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let mut found = problems(&packages);
    found.extend(repository(&packages));
    found.extend(release_notes(&packages, &changelog));
    found.extend(uncommitted()?);
    if !found.is_empty() {
        bail!("the crates cannot be published:\n  {}\nhelp: docs/src/releasing.md", found.join("\n  "));
    }
    checks::dry_run()?;
    checks::build_and_test()?;
    println!("All checks passed. The next steps are in docs/src/releasing.md.");
    Ok(())
}

/// Returns a problem if the address of the repository is not a web address.
fn repository(packages: &[Package]) -> Option<String> {
    let is_address = |package: &Package| package.repository.as_ref().is_some_and(|url| url.starts_with("https://"));
    (!packages.iter().all(is_address)).then(|| {
        "the address of the repository is missing: set `repository` in `[workspace.package]` of Cargo.toml".to_owned()
    })
}

/// Returns a problem if the changelog has no section for the version.
fn release_notes(packages: &[Package], changelog: &str) -> Option<String> {
    let version = &packages.first()?.version;
    let has_section =
        changelog.lines().any(|line| line.strip_prefix("## ").is_some_and(|rest| is_about(rest, version)));
    (!has_section).then(|| format!("CHANGELOG.md has no section `## {version} (DATE)`"))
}

fn is_about(heading: &str, version: &str) -> bool {
    heading.split_once(' ').map_or(heading, |(first, _)| first) == version
}

/// Returns a problem if there are changes that are not committed.
fn uncommitted() -> anyhow::Result<Option<String>> {
    let mut git = std::process::Command::new("git");
    git.args(["status", "--porcelain"]).current_dir(workspace::root()).stderr(Stdio::inherit());
    let (status, changes) = run::output(&mut git, GIT)?;
    ensure!(status.success(), "git ended with {status}");
    Ok((!changes.is_empty()).then(|| format!("{} files have changes that are not committed", changes.lines().count())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(repository: &str) -> Package {
        Package { version: "0.1.0".into(), repository: Some(repository.into()), ..Package::default() }
    }

    #[test]
    fn a_release_needs_the_address_of_the_repository() {
        assert!(repository(&[package("")]).is_some());
        assert!(repository(&[package("https://example.com/a"), package("")]).is_some());
        assert!(repository(&[package("https://example.com/a")]).is_none());
    }

    #[test]
    fn a_release_needs_a_section_in_the_changelog() {
        let packages = [package("")];
        for (changelog, has_section) in [
            ("# Changelog\n\n## Unreleased\n", false),
            ("## 0.1.0-rc.1 (2027-01-01)\n", false),
            ("## 0.1.0 (2027-01-01)\n", true),
            ("## 0.1.0\n", true),
        ] {
            assert_eq!(release_notes(&packages, changelog).is_none(), has_section, "{changelog}");
        }
    }
}
