//! Builds the drivers without std and without alloc.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};

use xtask_build::{
    probe,
    toolchain::{Core, Recipe, target_variable},
};
use xtask_common::{process::run, workspace};
use xtask_install::BARE_METAL_32_BIT;

use super::context::Context;

/// Builds the drivers for the guest's target with `core` alone: any dependency on `alloc` or `std` is a compile error.
pub(super) fn drivers(context: &mut Context) -> anyhow::Result<()> {
    build(&context.recipe(context.arch)?)
}

/// As [`drivers`], for a 32-bit target.
pub(super) fn drivers_32_bit(_context: &mut Context) -> anyhow::Result<()> {
    build(&probe::recipe(BARE_METAL_32_BIT)?)
}

fn build(recipe: &Recipe) -> anyhow::Result<()> {
    eprintln!("Building for {}: {}.", recipe.target, recipe.why);
    let mut cargo = recipe.cargo_build("core");
    if recipe.core == Core::Prebuilt {
        // The installed target includes `alloc`, so use a sysroot without it.
        let sysroot = core_only(recipe).context("failed to copy the libraries of the target")?;
        let mut flags = OsString::from("--sysroot=");
        flags.push(sysroot);
        cargo.env(target_variable(recipe.target, "RUSTFLAGS"), flags);
    }
    let packages = ["adapters", "balloon", "entropy", "pmem"].map(|name| format!("--package=aerostat-{name}"));
    cargo.args(packages).stderr(Stdio::inherit());
    let status = run::lines(&mut cargo, run::BUILD_LIMIT, |line| println!("{line}"))?;
    ensure!(status.success(), "the drivers do not build with `core` alone: cargo ended with {status}");
    Ok(())
}

/// Creates a sysroot with only the target's `core`.
fn core_only(recipe: &Recipe) -> anyhow::Result<PathBuf> {
    let mut rustc = Command::new(recipe.rustc.clone().unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", recipe.target]).current_dir(workspace::root());
    let (status, installed) = run::output(&mut rustc, Duration::from_secs(20))?;
    ensure!(status.success(), "rustc ended with {status}");
    let sysroot = workspace::separate_target_dir().join("core-only");
    let libraries = sysroot.join("lib/rustlib").join(recipe.target).join("lib");
    fill(&libraries, Path::new(installed.trim()))?;
    Ok(sysroot)
}

fn fill(libraries: &Path, installed: &Path) -> anyhow::Result<()> {
    // Remove the libraries of an older compiler.
    let _ = fs::remove_dir_all(libraries);
    fs::create_dir_all(libraries)?;
    for entry in fs::read_dir(installed)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_core(&name.to_string_lossy()) {
            fs::copy(entry.path(), libraries.join(name))?;
        }
    }
    Ok(())
}

/// Returns whether a library is `core` or the compiler's run-time library.
fn is_core(name: &str) -> bool {
    name.starts_with("libcore-") || name.starts_with("libcompiler_builtins-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_core_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (installed, libraries) = (folder.path().join("installed"), folder.path().join("libraries"));
        fs::create_dir_all(&installed).unwrap();
        fs::create_dir_all(&libraries).unwrap();
        for name in ["libcore-1.rlib", "libcompiler_builtins-1.rlib", "liballoc-1.rlib", "libstd-1.rlib"] {
            fs::write(installed.join(name), name).unwrap();
        }
        fs::write(libraries.join("libcore-0.rlib"), "old").unwrap();
        fill(&libraries, &installed).unwrap();
        let mut kept: Vec<_> = fs::read_dir(&libraries).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        kept.sort();
        assert_eq!(kept, ["libcompiler_builtins-1.rlib", "libcore-1.rlib"]);
    }
}
