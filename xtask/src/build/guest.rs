//! Builds the guest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::{probe, toolchain::Recipe};
use crate::{
    cli::{Arch, GuestArguments},
    process::run,
};

/// The guest's package.
pub(crate) const PACKAGE: &str = "aerostat-guest";
/// Longest time for a build, with the core library and on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// `cargo xtask guest`: the path of the image is all that goes to standard output.
pub(crate) fn command(arguments: &GuestArguments) -> anyhow::Result<()> {
    let recipe = probe::recipe(arguments.arch.target())?;
    let mut image = build(arguments.arch, &recipe)?;
    if let Some(out) = &arguments.out {
        fs::copy(&image, out).with_context(|| format!("the image could not be copied to {}", out.display()))?;
        image = out.clone();
    }
    println!("{}", std::path::absolute(&image)?.display());
    Ok(())
}

/// Builds the guest by `recipe` and gives back where its image is. All that cargo says goes to standard error.
pub(crate) fn build(arch: Arch, recipe: &Recipe) -> anyhow::Result<PathBuf> {
    build_as(arch, recipe, "release", recipe.cargo_build("core,alloc"))
}

/// Builds the guest like [`build`] to count its code: by the profile for that, without a second declaration or driver, and with
/// symbols that name all types.
pub(crate) fn build_to_count(arch: Arch, recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let mut cargo = recipe.cargo_build("core,alloc");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Csymbol-mangling-version=v0").args(["--features", "lean"]);
    build_as(arch, recipe, "size", cargo)
}

fn build_as(arch: Arch, recipe: &Recipe, profile: &str, mut cargo: Command) -> anyhow::Result<PathBuf> {
    eprintln!("Building the guest for {}: {}.", arch.target(), recipe.why);
    cargo
        .args(["--package", PACKAGE, "--profile", profile, "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let mut image = None;
    let status = run::lines(&mut cargo, LIMIT, |line| {
        image = executable(&line).or(image.take());
    })?;
    if !status.success() {
        bail!("the guest could not be built: cargo ended with {status}");
    }
    image.context("cargo built the guest, but named no image: is its binary target missing?")
}

/// The program that a line of cargo's messages names.
pub(crate) fn executable(line: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message<'a> {
        reason: &'a str,
        executable: Option<PathBuf>,
    }
    let message: Message<'_> = serde_json::from_str(line).ok()?;
    message.executable.filter(|_| message.reason == "compiler-artifact")
}

/// An image that the user named.
pub(crate) fn given(image: &Path) -> anyhow::Result<PathBuf> {
    if !image.is_file() {
        bail!("there is no guest image at {}", image.display());
    }
    Ok(image.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_found_in_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"aerostat-guest"},"executable":"/t/guest","fresh":false}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/guest")));
    }

    #[test]
    fn other_messages_name_no_image() {
        for line in [
            r#"{"reason":"compiler-artifact","target":{"name":"core"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "not a message",
        ] {
            assert_eq!(executable(line), None, "{line}");
        }
    }
}
