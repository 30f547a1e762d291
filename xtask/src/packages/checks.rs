//! The checks of the packages.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use xtask_common::{process::run, workspace};

use crate::not_run::NotRun;

use super::{
    manifests::{Package, published},
    registry,
    unpacked::Unpacked,
};

/// The time limit to run the tests of the packages. Cargo builds documentation tests while it runs them.
const TESTS: Duration = Duration::from_secs(30 * 60);
/// The time limit of a command that uses the registry.
const REGISTRY: Duration = Duration::from_secs(120);
/// The time limit to download a toolchain. The download hangs if the network drops packets.
const TOOLCHAIN: Duration = Duration::from_secs(180);

/// Runs cargo's dry run of the publication of all crates.
///
/// # Errors
///
/// If a crate cannot be published.
pub(crate) fn dry_run() -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty", "--quiet"]);
    succeed(&mut cargo, REGISTRY, "the crates cannot be published")
}

/// Packs the crates, checks that the packages have all files that they need, and runs cargo's dry run if the registry can be reached.
///
/// # Errors
///
/// If a crate cannot be published, or its package does not build; [`NotRun`] if the rest passed without the registry.
pub(crate) fn packages() -> anyhow::Result<()> {
    let unpacked = Unpacked::new("packages")?;
    if registry::is_reachable() {
        dry_run()?;
    }
    let mut cargo = workspace::cargo();
    // The libraries and their unit tests. Documentation tests take longer: see `build_and_test`.
    cargo.args(["check", "--workspace", "--tests"]);
    registry::offline_if_unreachable(&mut cargo);
    succeed(unpacked.enter(&mut cargo), run::BUILD_LIMIT, "the packages do not build")?;
    if registry::is_reachable() {
        return Ok(());
    }
    Err(NotRun::optional("the rest passed; the dry run of `cargo publish` needs the registry, which cannot be reached")
        .into())
}

/// Builds the packages and runs the tests in them.
///
/// # Errors
///
/// If a test fails.
pub(crate) fn build_and_test() -> anyhow::Result<()> {
    let unpacked = Unpacked::new("packages")?;
    for (part, limit, problem) in [
        (&["--no-run"][..], run::BUILD_LIMIT, "the tests of the packages do not build"),
        (&[], TESTS, "the packages fail their tests"),
    ] {
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--workspace"]).args(part);
        registry::offline_if_unreachable(&mut cargo);
        succeed(unpacked.enter(&mut cargo), limit, problem)?;
    }
    Ok(())
}

/// Builds the packages with the oldest compiler that they support.
///
/// # Errors
///
/// If they do not build; [`NotRun`] without the compiler.
pub(crate) fn oldest_compiler() -> anyhow::Result<()> {
    check_with_oldest_compiler(&["--workspace"])
}

/// As [`oldest_compiler`], for the drivers and what they depend on.
///
/// # Errors
///
/// If they do not build; [`NotRun`] without the compiler.
pub(crate) fn oldest_compiler_of_drivers() -> anyhow::Result<()> {
    check_with_oldest_compiler(&["--package", "aerostat-balloon", "--package", "aerostat-entropy"])
}

fn check_with_oldest_compiler(selection: &[&str]) -> anyhow::Result<()> {
    let packages = published()?;
    let version = packages.iter().find_map(|package: &Package| package.rust_version.as_deref());
    let version = version.context("the published crates have no rust-version")?;
    install(version).map_err(|reason| NotRun::optional(format!("needs Rust {version}: {reason:#}")))?;
    let unpacked = Unpacked::new("packages-oldest-compiler")?;
    let mut cargo = Command::new("rustup");
    cargo.args(["run", version, "cargo", "check", "--all-features"]).args(selection);
    registry::offline_if_unreachable(&mut cargo);
    succeed(unpacked.enter(&mut cargo), run::BUILD_LIMIT, &format!("the packages do not build with Rust {version}"))
}

/// Installs a toolchain with rustup if it is missing.
fn install(version: &str) -> anyhow::Result<()> {
    workspace::which("rustup").context("rustup is not installed")?;
    let mut rustup = Command::new("rustup");
    rustup.args(["run", version, "rustc", "--version"]).stderr(Stdio::null());
    if matches!(run::output(&mut rustup, TOOLCHAIN), Ok((status, _)) if status.success()) {
        return Ok(());
    }
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "install", version, "--profile", "minimal", "--no-self-update"]);
    succeed(&mut rustup, TOOLCHAIN, "rustup cannot install the toolchain")
}

/// Builds the packages with the lowest version of each dependency that their manifests allow.
///
/// # Errors
///
/// If they do not build; [`NotRun`] without the registry.
pub(crate) fn lowest_versions() -> anyhow::Result<()> {
    if !registry::is_reachable() {
        return Err(NotRun::optional("needs the registry, which cannot be reached").into());
    }
    let unpacked = Unpacked::new("packages-lowest-versions")?;
    unpacked.remove_dev_dependencies()?;
    let mut cargo = workspace::cargo();
    // The option is unstable, and this variable enables it in a stable cargo.
    cargo.args(["update", "-Z", "direct-minimal-versions", "--quiet"]).env("RUSTC_BOOTSTRAP", "1");
    succeed(
        unpacked.enter(&mut cargo),
        REGISTRY,
        "there are no lowest versions of the dependencies that fit together",
    )?;
    let mut cargo = workspace::cargo();
    cargo.args(["check", "--workspace", "--all-features"]);
    succeed(
        unpacked.enter(&mut cargo),
        run::BUILD_LIMIT,
        "the packages do not build with the lowest versions of their dependencies",
    )
}

/// Runs a command to its end.
fn succeed(command: &mut Command, limit: Duration, problem: &str) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = run::lines(command.stderr(Stdio::inherit()), limit, |line| println!("{line}"))?;
    ensure!(status.success(), "{problem}: {program} ended with {status}");
    Ok(())
}
