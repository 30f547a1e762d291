//! Chooses a compiler for another target. The choice is a function of facts, so that it can be tested.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
};

use xtask_common::workspace;

/// The major and minor version of a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version.
    pub major: u32,
    /// The minor version.
    pub minor: u32,
}

impl FromStr for Version {
    type Err = ();

    /// Parses the start of `1.95`, `1.95.0`, `1.97.0-nightly`, `1.96.0+dfsg1-1`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.trim().split(|c: char| !c.is_ascii_digit());
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or(());
        Ok(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The facts about one compiler.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The program.
    pub rustc: PathBuf,
    /// Its name in messages.
    pub label: String,
    /// Its version.
    pub version: Version,
    /// Whether it has libraries for the target.
    pub target: Presence,
    /// Whether it has the sources of the standard library.
    pub source: Presence,
    /// The `rust-lld` that belongs to it.
    pub lld: Option<PathBuf>,
}

/// Whether something is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is installed.
    Present,
    /// It is not installed.
    Absent,
}

impl From<bool> for Presence {
    fn from(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

/// The result of `rustup target add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetAdd {
    /// It was not tried yet.
    Untried,
    /// It succeeded.
    Added,
    /// It failed for this reason.
    Failed(String),
}

/// The facts that the choice depends on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The target: bare metal or Linux on another processor.
    pub target: &'static str,
    /// The oldest usable version.
    pub minimum: Version,
    /// The compiler that cargo uses here.
    pub current: Option<Compiler>,
    /// Other compilers, the preferred ones first.
    pub others: Vec<Compiler>,
    /// The result of `rustup target add`.
    pub target_add: TargetAdd,
    /// An LLD of the system.
    pub system_lld: Option<PathBuf>,
}

/// The origin of the core library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// The target's libraries are installed.
    Prebuilt,
    /// The libraries are built with the program.
    FromSource,
}

/// How to build for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The target.
    pub target: &'static str,
    /// The origin of the core library.
    pub core: Core,
    /// The compiler, if it is not the one that cargo uses by default.
    pub rustc: Option<PathBuf>,
    /// The linker, if the compiler has none.
    pub linker: Option<PathBuf>,
    /// What was chosen and why, as part of a sentence.
    pub why: String,
}

/// The result of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Build like this.
    Build(Recipe),
    /// Try `rustup target add` first.
    TryTargetAdd,
}

/// No compiler can build for the target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no compiler can build for {target}:{}\nhelp: `rustup target add {target}`, or `rustup component add rust-src`, \
     or on Debian 12 `apt-get install rustc-web rust-web-src`", list(.reasons)
)]
pub struct NoToolchain {
    /// The target.
    pub target: &'static str,
    /// A reason for each compiler.
    pub reasons: Vec<String>,
}

fn list(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  - {reason}")).collect()
}

/// Chooses the installed target, else `rustup target add`, else a compiler with the sources of the standard library.
///
/// # Errors
///
/// If none of these is possible.
pub fn choose(facts: &Facts) -> Result<Choice, NoToolchain> {
    let target = facts.target;
    let mut reasons = Vec::new();
    if let Some(current) = &facts.current {
        if current.target == Presence::Present {
            let why = match facts.target_add {
                TargetAdd::Added => format!("{} got the target {target} from `rustup target add`", current.label),
                _ => format!("{} has the target {target} installed", current.label),
            };
            return build(facts, current, Core::Prebuilt, why).map(Choice::Build);
        }
        match &facts.target_add {
            TargetAdd::Untried => return Ok(Choice::TryTargetAdd),
            TargetAdd::Added => {
                reasons.push(format!("`rustup target add {target}` succeeded, but {} does not have it", current.label))
            }
            TargetAdd::Failed(reason) => reasons.push(format!("`rustup target add {target}` failed: {reason}")),
        }
    } else {
        reasons.push("`rustc` is not in PATH".to_owned());
    }
    for compiler in facts.current.iter().chain(&facts.others) {
        let Compiler { label, version, .. } = compiler;
        if *version < facts.minimum {
            reasons.push(format!("{label} is older than {}, the minimum version", facts.minimum));
        } else if compiler.source == Presence::Absent {
            reasons.push(format!("{label} lacks the sources of the standard library"));
        } else {
            let why = format!("{label} builds the standard library from source; {}", reasons.join("; "));
            return build(facts, compiler, Core::FromSource, why).map(Choice::Build);
        }
    }
    Err(NoToolchain { target, reasons })
}

fn build(facts: &Facts, compiler: &Compiler, core: Core, why: String) -> Result<Recipe, NoToolchain> {
    let is_current = facts.current.as_ref().is_some_and(|current| current.rustc == compiler.rustc);
    // A C compiler that the caller sets links programs for Linux.
    let linker = if compiler.lld.is_some() || facts.target.contains("-linux-") {
        None
    } else {
        let others = facts.current.iter().chain(&facts.others).find_map(|other| other.lld.as_ref());
        let linker = others.or(facts.system_lld.as_ref()).ok_or_else(|| NoToolchain {
            target: facts.target,
            reasons: vec![format!(
                "{} has no `rust-lld` and the system has no LLD: install the package `lld`",
                compiler.label
            )],
        })?;
        Some(linker.clone())
    };
    let rustc = (!is_current).then(|| compiler.rustc.clone());
    Ok(Recipe { target: facts.target, core, rustc, linker, why })
}

impl Recipe {
    /// Returns cargo's target directory for this build. A build with the host's compiler and installed libraries shares the
    /// host's directory, and with it the procedural macros.
    pub fn target_dir(&self) -> PathBuf {
        if self.rustc.is_none() && self.core == Core::Prebuilt {
            workspace::target_dir()
        } else {
            workspace::separate_target_dir()
        }
    }

    /// Returns `cargo build` for the target in a separate target directory, with `libraries` of the standard library if they
    /// are built from source.
    pub fn cargo_build(&self, libraries: &str) -> Command {
        self.cargo("build", &workspace::separate_target_dir(), libraries)
    }

    /// Returns cargo's `command` for the target in the target directory `folder`, with `libraries` of the standard library if
    /// they are built from source.
    pub fn cargo(&self, command: &str, folder: &Path, libraries: &str) -> Command {
        let mut cargo = workspace::cargo();
        cargo.args([command, "--target", self.target, "--target-dir"]).arg(folder);
        if let Some(rustc) = &self.rustc {
            cargo.env("RUSTC", rustc);
        }
        if let Some(linker) = &self.linker {
            cargo.env(target_variable(self.target, "LINKER"), linker);
        }
        if self.core == Core::FromSource {
            cargo.env("RUSTC_BOOTSTRAP", "1").args(["-Z", &format!("build-std={libraries}")]);
        }
        cargo
    }
}

/// Returns the environment variable of cargo's setting `name` for a target.
pub fn target_variable(target: &str, name: &str) -> String {
    format!("CARGO_TARGET_{}_{name}", target.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMUM: Version = Version { major: 1, minor: 95 };

    fn compiler(label: &str, minor: u32, target: Presence, source: Presence) -> Compiler {
        let lld = Some(PathBuf::from(format!("/{label}/rust-lld")));
        let rustc = PathBuf::from(format!("/{label}/rustc"));
        Compiler { rustc, label: label.to_owned(), version: Version { major: 1, minor }, target, source, lld }
    }

    fn facts(current: Option<Compiler>, others: Vec<Compiler>, target_add: TargetAdd) -> Facts {
        Facts { target: "x86_64-unknown-none", minimum: MINIMUM, current, others, target_add, system_lld: None }
    }

    fn recipe(facts: &Facts) -> Recipe {
        match choose(facts) {
            Ok(Choice::Build(recipe)) => recipe,
            other => panic!("no recipe: {other:?}"),
        }
    }

    use Presence::{Absent, Present};

    #[test]
    fn an_installed_target_is_preferred() {
        let facts = facts(Some(compiler("stable", 95, Present, Present)), vec![], TargetAdd::Untried);
        let recipe = recipe(&facts);
        assert_eq!((recipe.core, recipe.rustc, recipe.linker), (Core::Prebuilt, None, None));
        assert_eq!(recipe.why, "stable has the target x86_64-unknown-none installed");
    }

    #[test]
    fn adding_the_target_is_tried_before_sources_are_used() {
        let facts = facts(Some(compiler("stable", 95, Absent, Present)), vec![], TargetAdd::Untried);
        assert_eq!(choose(&facts), Ok(Choice::TryTargetAdd));
    }

    #[test]
    fn the_current_compilers_sources_are_preferred() {
        let nightly = compiler("nightly", 97, Absent, Present);
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Present)), vec![nightly], add);
        let recipe = recipe(&facts);
        assert_eq!((recipe.core, recipe.rustc), (Core::FromSource, None));
        assert!(recipe.why.contains("no network"), "{}", recipe.why);
    }

    #[test]
    fn a_compiler_without_lld_uses_the_linker_of_another() {
        let distribution = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Absent)), vec![distribution], add);
        let recipe = recipe(&facts);
        assert_eq!(recipe.rustc, Some(PathBuf::from("/distribution/rustc")));
        assert_eq!(recipe.linker, Some(PathBuf::from("/stable/rust-lld")));
    }

    #[test]
    fn without_any_lld_the_missing_package_is_named() {
        let only = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let facts = facts(Some(only), vec![], TargetAdd::Failed("no rustup".to_owned()));
        assert!(choose(&facts).unwrap_err().to_string().contains("package `lld`"));
    }

    #[test]
    fn a_program_for_linux_needs_no_lld() {
        let only = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let add = TargetAdd::Failed("no rustup".to_owned());
        let facts = Facts { target: "s390x-unknown-linux-gnu", ..facts(Some(only), vec![], add) };
        assert_eq!(recipe(&facts).linker, None);
    }

    #[test]
    fn without_a_usable_compiler_every_reason_is_listed() {
        let old = compiler("distribution", 63, Absent, Present);
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Absent)), vec![old], add);
        let message = choose(&facts).unwrap_err().to_string();
        for reason in [
            "no network",
            "stable lacks the sources",
            "distribution is older than 1.95",
            "rustup component add rust-src",
        ] {
            assert!(message.contains(reason), "{reason:?} is missing in: {message}");
        }
    }

    #[test]
    fn an_old_compiler_is_not_used_for_its_sources() {
        let add = TargetAdd::Failed("no network".to_owned());
        let new = compiler("nightly", 97, Absent, Present);
        let facts =
            facts(Some(compiler("stable", 95, Absent, Absent)), vec![compiler("old", 63, Absent, Present), new], add);
        assert_eq!(recipe(&facts).rustc, Some(PathBuf::from("/nightly/rustc")));
    }

    #[test]
    fn version_suffixes_are_ignored() {
        for text in ["1.95", "1.95.0", "1.95.0-nightly", "1.95.0+dfsg1-1~deb12u2\n"] {
            assert_eq!(text.parse(), Ok(MINIMUM), "{text}");
        }
        assert_eq!("stable".parse::<Version>(), Err(()));
    }

    #[test]
    fn only_a_build_from_source_uses_unstable_options() {
        let prebuilt = facts(Some(compiler("stable", 95, Present, Absent)), vec![], TargetAdd::Untried);
        let arguments = format!("{:?}", recipe(&prebuilt).cargo_build("core"));
        assert!(!arguments.contains("build-std"), "{arguments}");
        let add = TargetAdd::Failed("no network".to_owned());
        let source = facts(Some(compiler("stable", 95, Absent, Present)), vec![], add);
        let arguments = format!("{:?}", recipe(&source).cargo_build("core"));
        assert!(arguments.contains("build-std=core") && arguments.contains("RUSTC_BOOTSTRAP"), "{arguments}");
    }
}
