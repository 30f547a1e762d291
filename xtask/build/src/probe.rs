//! Finds compilers and checks which targets and sources they have.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use anyhow::Context as _;

use xtask_common::{
    process::{interrupt::Interrupted, run},
    workspace,
};

use super::toolchain::{Choice, Compiler, Facts, Recipe, TargetAdd, Version, choose};

/// The time limit for a query to a tool.
const QUERY: Duration = Duration::from_secs(20);
/// The time limit for `rustup target add`, which downloads some tens of MB and hangs if the network drops packets.
const TARGET_ADD: Duration = Duration::from_secs(90);

/// Finds a way to build for `target`.
///
/// # Errors
///
/// If no compiler can, with a reason for each of them.
pub fn recipe(target: &'static str) -> anyhow::Result<Recipe> {
    let minimum = workspace::MINIMUM_RUST.parse().ok().context("the workspace has no valid rust-version")?;
    let mut facts = Facts {
        target,
        minimum,
        current: inspect(
            env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from),
            "the current toolchain",
            target,
        ),
        others: Vec::new(),
        target_add: TargetAdd::Untried,
        system_lld: system_lld(),
    };
    if let Choice::Build(recipe) = choose_with_others(&mut facts)? {
        return Ok(recipe);
    }
    facts.target_add = add_target(target)?;
    let rustc = facts.current.as_ref().map(|current| current.rustc.clone());
    facts.current = rustc.and_then(|rustc| inspect(rustc, "the current toolchain", target));
    match choose_with_others(&mut facts)? {
        Choice::Build(recipe) => Ok(recipe),
        Choice::TryTargetAdd => anyhow::bail!("the toolchain changed during the search: try again"),
    }
}

/// Chooses a compiler. Searches for other compilers only if the current one is not usable, because the search takes time.
fn choose_with_others(facts: &mut Facts) -> anyhow::Result<Choice> {
    if let Ok(choice) = choose(facts) {
        return Ok(choice);
    }
    facts.others = other_compilers(facts.target);
    Ok(choose(facts)?)
}

/// Returns the facts about `rustc`, or `None` if it does not run.
fn inspect(rustc: PathBuf, label: &str, target: &str) -> Option<Compiler> {
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&rustc);
        // Run in the workspace, so that a toolchain file applies as it does for the build.
        command.args(arguments).current_dir(workspace::root()).stderr(Stdio::null());
        run::output(&mut command, QUERY).ok().filter(|(status, _)| status.success()).map(|(_, text)| text)
    };
    let about = ask(&["-vV"])?;
    let field = |name: &str| about.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let version: Version = field("release:")?.parse().ok()?;
    let libraries = PathBuf::from(ask(&["--print", "sysroot"])?.trim()).join("lib/rustlib");
    let lld = libraries.join(field("host:")?).join("bin/rust-lld");
    Some(Compiler {
        label: format!("{label} (Rust {version})"),
        version,
        target: has_core(&libraries.join(target).join("lib")).into(),
        source: libraries.join("src/rust/library/core/Cargo.toml").is_file().into(),
        lld: lld.is_file().then_some(lld),
        rustc,
    })
}

fn has_core(libraries: &Path) -> bool {
    let Ok(entries) = fs::read_dir(libraries) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

/// Returns the compilers of rustup's toolchains and of the distribution.
fn other_compilers(target: &str) -> Vec<Compiler> {
    let rustup = |arguments: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(arguments).stderr(Stdio::null());
        run::output(&mut command, QUERY).ok().filter(|(status, _)| status.success()).map(|(_, text)| text)
    };
    let toolchains =
        rustup(&["toolchain", "list", "--quiet"]).or_else(|| rustup(&["toolchain", "list"])).unwrap_or_default();
    let mut compilers = Vec::new();
    for toolchain in toolchains.lines().filter_map(|line| line.split_whitespace().next()) {
        if let Some(rustc) = rustup(&["which", "--toolchain", toolchain, "rustc"]) {
            compilers.extend(inspect(rustc.trim().into(), &format!("rustup's toolchain {toolchain}"), target));
        }
    }
    for rustc in distribution_compilers() {
        let label = rustc.display().to_string();
        compilers.extend(inspect(rustc, &label, target));
    }
    compilers
}

/// Returns `/usr/bin/rustc` and Ubuntu's `/usr/bin/rustc-1.95`, newest first.
fn distribution_compilers() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/usr/bin") else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name == "rustc" || name.starts_with("rustc-1.")).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.trim_start_matches("rustc-").parse::<Version>().ok()));
    names.into_iter().map(|name| Path::new("/usr/bin").join(name)).collect()
}

/// Tries `rustup target add`. After a failure it is not tried again, because it may take its whole time limit.
fn add_target(target: &str) -> anyhow::Result<TargetAdd> {
    static FAILED: OnceLock<TargetAdd> = OnceLock::new();
    if let Some(failed) = FAILED.get() {
        return Ok(failed.clone());
    }
    let result = try_add_target(target)?;
    if result != TargetAdd::Added {
        FAILED.get_or_init(|| result.clone());
    }
    Ok(result)
}

fn try_add_target(target: &str) -> anyhow::Result<TargetAdd> {
    if workspace::which("rustup").is_none() {
        return Ok(TargetAdd::Failed("rustup is not installed".to_owned()));
    }
    eprintln!("The target {target} is not installed: running `rustup target add {target}`.");
    let mut command = Command::new("rustup");
    command.args(["target", "add", target]).current_dir(workspace::root()).stderr(Stdio::null());
    match run::output(&mut command, TARGET_ADD) {
        Ok((status, _)) if status.success() => Ok(TargetAdd::Added),
        Ok((status, _)) => Ok(TargetAdd::Failed(format!("rustup ended with {status}"))),
        Err(run::RunError::Interrupted(Interrupted)) => Err(Interrupted.into()),
        Err(error) => Ok(TargetAdd::Failed(error.to_string())),
    }
}

/// Returns an LLD in `PATH`, under any of the names that distributions use.
fn system_lld() -> Option<PathBuf> {
    let numbered = (14..=24).rev().map(|version| format!("ld.lld-{version}"));
    ["rust-lld", "ld.lld"].map(str::to_owned).into_iter().chain(numbered).find_map(|name| workspace::which(&name))
}
