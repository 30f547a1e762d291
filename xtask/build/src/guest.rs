//! Builds the guest.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;
use xtask_common::process::run;

use super::toolchain::Recipe;

/// The name of the guest's package.
pub const PACKAGE: &str = "aerostat-guest";
/// The parts of the standard library that the guest uses.
const LIBRARIES: &str = "core,alloc";

/// The cargo profile of the demo. It builds the tools too, so that tools and guest share the procedural macros.
pub const TOOLS: &str = "tools";
/// The cargo profile of the tests and the benchmark.
pub const RELEASE: &str = "release";

/// Builds the guest in a cargo profile and returns the path of its image. Cargo's output goes to standard error.
///
/// # Errors
///
/// If the build fails.
pub fn build(recipe: &Recipe, profile: &str) -> anyhow::Result<PathBuf> {
    run_build(recipe, profile, recipe.cargo("build", &recipe.target_dir(), LIBRARIES))
}

/// Builds the guest whose code is counted: for size, without a second feature declaration or driver, and with symbols that name
/// all types.
///
/// # Errors
///
/// If the build fails.
pub fn build_for_size(recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let mut cargo = recipe.cargo_build(LIBRARIES);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Csymbol-mangling-version=v0").args(["--features", "lean"]);
    run_build(recipe, "size", cargo)
}

/// Builds one of the kernels of `benches/size` in the profile `size` or `speed` with these features of it, and with symbols that name all
/// types.
///
/// # Errors
///
/// If the build fails.
pub fn build_size_kernel(recipe: &Recipe, profile: &str, kernel: &str, features: &[&str]) -> anyhow::Result<PathBuf> {
    let [image] = build_kernels(recipe, profile, [kernel], features)?;
    Ok(image)
}

/// As [`build_size_kernel`], for several kernels at once and without features.
///
/// # Errors
///
/// If the build fails.
pub fn build_size_kernels<const N: usize>(
    recipe: &Recipe,
    profile: &str,
    kernels: [&str; N],
) -> anyhow::Result<[PathBuf; N]> {
    build_kernels(recipe, profile, kernels, &[])
}

fn build_kernels<const N: usize>(
    recipe: &Recipe,
    profile: &str,
    kernels: [&str; N],
    features: &[&str],
) -> anyhow::Result<[PathBuf; N]> {
    let mut cargo = recipe.cargo_build("core");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Csymbol-mangling-version=v0");
    cargo
        .args(["--package", "aerostat-size", "--features", &features.join(",")])
        .args(kernels.iter().flat_map(|kernel| ["--bin", kernel]));
    let mut images = run_cargo_for_all(recipe, profile, cargo)?;
    images.sort_by_key(|image| kernels.iter().position(|kernel| image.ends_with(kernel)));
    images.try_into().map_err(|images| anyhow!("expected images of {kernels:?} and got {images:?}"))
}

/// Builds the guest in a cargo profile, with the part that measures how much stack calls use.
///
/// # Errors
///
/// If the build fails.
pub fn build_for_stack(recipe: &Recipe, profile: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = recipe.cargo("build", &recipe.target_dir(), LIBRARIES);
    cargo.args(["--features", "stack"]);
    run_build(recipe, profile, cargo)
}

/// Builds the guest of the release profile, with the part that runs a balloon over each adapter, and with a log of what it exchanges.
///
/// # Errors
///
/// If the build fails.
pub fn build_with_adapters(recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let mut cargo = recipe.cargo("build", &recipe.target_dir(), LIBRARIES);
    cargo.args(["--features", "adapters,exchanges"]);
    run_build(recipe, RELEASE, cargo)
}

fn run_build(recipe: &Recipe, profile: &str, mut cargo: Command) -> anyhow::Result<PathBuf> {
    eprintln!("Building the guest for {}: {}.", recipe.target, recipe.why);
    cargo.args(["--package", PACKAGE]);
    run_cargo(recipe, profile, cargo)
}

fn run_cargo(recipe: &Recipe, profile: &str, cargo: Command) -> anyhow::Result<PathBuf> {
    let images = run_cargo_for_all(recipe, profile, cargo)?;
    images.into_iter().next_back().context("cargo reported no image: is the binary target missing?")
}

/// Runs cargo, and returns the programs that it reports.
fn run_cargo_for_all(recipe: &Recipe, profile: &str, mut cargo: Command) -> anyhow::Result<Vec<PathBuf>> {
    // Each profile has its own setting. Code from an incremental build is larger and slower.
    cargo.env_remove("CARGO_INCREMENTAL");
    cargo.args(["--profile", profile, "--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let mut images = Vec::new();
    let status = run::lines(&mut cargo, run::BUILD_LIMIT, |line| images.extend(executable(&line)))?;
    if !status.success() {
        bail!("failed to build for {}: cargo ended with {status}", recipe.target);
    }
    Ok(images)
}

/// Returns the program that a line of cargo's JSON messages reports.
pub fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_artifact = message.get("reason")?.as_str() == Some("compiler-artifact");
    message.get("executable")?.as_str().filter(|_| is_artifact).map(PathBuf::from)
}

/// Checks an image that the user named.
///
/// # Errors
///
/// If the file does not exist.
pub fn check_image(image: &Path) -> anyhow::Result<PathBuf> {
    if !image.is_file() {
        bail!("the guest image {} does not exist", image.display());
    }
    Ok(image.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_read_from_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"aerostat-guest"},"executable":"/t/guest","fresh":false}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/guest")));
    }

    #[test]
    fn other_messages_report_no_image() {
        for line in [
            r#"{"reason":"compiler-artifact","target":{"name":"core"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not a message",
        ] {
            assert_eq!(executable(line), None, "{line}");
        }
    }
}
