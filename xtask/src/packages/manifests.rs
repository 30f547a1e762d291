//! The manifests of the published crates, as cargo reads them.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::ensure;
use serde::Deserialize;

use xtask_common::{process::run, workspace};

/// The time limit to read the manifests.
const LIMIT: Duration = Duration::from_secs(60);

/// A crate of the workspace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: Option<String>,
    pub(crate) documentation: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) metadata: Option<serde_json::Value>,
    pub(crate) manifest_path: PathBuf,
    /// The registries that it may be published to. `None` means any.
    pub(crate) publish: Option<Vec<String>>,
}

/// A dependency of a crate.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The versions that it may have, `*` without a version in the manifest.
    pub(crate) req: String,
    /// `dev` or `build`, or `None` for a normal dependency.
    pub(crate) kind: Option<String>,
    /// The folder of a crate of this workspace.
    pub(crate) path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Returns the published crates.
///
/// # Errors
///
/// If cargo cannot read the manifests.
pub(crate) fn published() -> anyhow::Result<Vec<Package>> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).stderr(Stdio::inherit());
    let (status, text) = run::output(&mut cargo, LIMIT)?;
    ensure!(status.success(), "failed to read the manifests: cargo ended with {status}");
    let mut packages = serde_json::from_str::<Metadata>(&text)?.packages;
    packages.retain(|package| package.publish.is_none());
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_published_and_tools_are_not() {
        let packages = published().unwrap();
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        for name in ["adapters", "balloon", "codegen", "device", "entropy", "macros", "pmem", "spec", "transport"] {
            assert!(names.contains(&format!("aerostat-{name}").as_str()), "{name} is not in {names:?}");
        }
        assert_eq!(names.len(), 9, "{names:?}");
    }

    #[test]
    fn drivers_and_the_guest_compile_the_description_of_one_device() {
        for (package, devices) in [
            ("aerostat-balloon", "balloon"),
            ("aerostat-guest", "balloon"),
            ("aerostat-pmem", "pmem"),
            ("aerostat-entropy", ""),
            ("aerostat-transport", ""),
        ] {
            let mut tree = workspace::cargo();
            tree.args(["tree", "--offline", "--package", package, "--all-features", "--edges", "normal"]);
            tree.args(["--prefix", "none", "--no-dedupe", "--format", "{p} [{f}]"]);
            let (status, text) = run::output(&mut tree, Duration::from_secs(60)).unwrap();
            assert!(status.success(), "{package}");
            let spec: Vec<_> = text.lines().filter(|line| line.starts_with("aerostat-spec ")).collect();
            assert!(!spec.is_empty(), "{package}: {text}");
            let enabled = format!("[{devices}]");
            assert!(spec.iter().all(|line| line.ends_with(&enabled)), "{package}: {spec:?}");
        }
    }
}
