//! Which compiler builds for another target, and how: a choice over facts, so that it can be tested.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
};

use crate::workspace;

/// A compiler's version, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl FromStr for Version {
    type Err = ();

    /// Reads the start of `1.95`, `1.95.0`, `1.97.0-nightly`, `1.96.0+dfsg1-1`.
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

/// What is known of one compiler.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    /// The program.
    pub(crate) rustc: PathBuf,
    /// What to call it in messages.
    pub(crate) label: String,
    pub(crate) version: Version,
    /// Whether it has libraries for the target.
    pub(crate) target: Presence,
    /// Whether it has the sources of the standard library.
    pub(crate) source: Presence,
    /// The `rust-lld` that belongs to it.
    pub(crate) lld: Option<PathBuf>,
}

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Present,
    Absent,
}

impl From<bool> for Presence {
    fn from(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

/// What is known of `rustup target add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetAdd {
    /// It may be tried.
    Untried,
    /// It succeeded.
    Added,
    /// It did not, for this reason.
    Failed(String),
}

/// All that the choice depends on.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The target: bare metal, or Linux on another processor.
    pub(crate) target: &'static str,
    /// The oldest version that will do.
    pub(crate) minimum: Version,
    /// The compiler that cargo uses here.
    pub(crate) current: Option<Compiler>,
    /// Other compilers, the better ones first.
    pub(crate) others: Vec<Compiler>,
    pub(crate) target_add: TargetAdd,
    /// An LLD of the system's.
    pub(crate) system_lld: Option<PathBuf>,
}

/// Where the core library comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// The target's libraries are installed.
    Prebuilt,
    /// They are built with the program.
    FromSource,
}

/// How to build for the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) target: &'static str,
    pub(crate) core: Core,
    /// The compiler, where it is not the one that cargo uses anyway.
    pub(crate) rustc: Option<PathBuf>,
    /// The linker, where the compiler does not find one by itself.
    pub(crate) linker: Option<PathBuf>,
    /// What was chosen and why, as a sentence.
    pub(crate) why: String,
}

/// What the facts lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Build(Recipe),
    /// First find out whether `rustup target add` works.
    TryTargetAdd,
}

/// No compiler will do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nothing here can build for {target}:{}\nhelp: `rustup target add {target}`, or `rustup component add rust-src`, \
     or on Debian 12 `apt-get install rustc-web rust-web-src`", list(.reasons)
)]
pub(crate) struct NoToolchain {
    pub(crate) target: &'static str,
    /// A reason for each compiler that was looked at.
    pub(crate) reasons: Vec<String>,
}

fn list(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  - {reason}")).collect()
}

/// Chooses: the installed target, else `rustup target add`, else a compiler that has its sources.
pub(crate) fn choose(facts: &Facts) -> Result<Choice, NoToolchain> {
    let target = facts.target;
    let mut reasons = Vec::new();
    if let Some(current) = &facts.current {
        if current.target == Presence::Present {
            let why = match facts.target_add {
                TargetAdd::Added => format!("{} has got the target {target} by `rustup target add`", current.label),
                _ => format!("{} has the target {target} installed", current.label),
            };
            return build(facts, current, Core::Prebuilt, why).map(Choice::Build);
        }
        match &facts.target_add {
            TargetAdd::Untried => return Ok(Choice::TryTargetAdd),
            TargetAdd::Added => {
                reasons.push(format!("`rustup target add {target}` succeeded, but {} does not have it", current.label))
            }
            TargetAdd::Failed(reason) => reasons.push(format!("`rustup target add {target}` did not work: {reason}")),
        }
    } else {
        reasons.push("there is no `rustc` in PATH".to_owned());
    }
    for compiler in facts.current.iter().chain(&facts.others) {
        let Compiler { label, version, .. } = compiler;
        if *version < facts.minimum {
            reasons.push(format!("{label} is version {version}, and {} is the oldest that will do", facts.minimum));
        } else if compiler.source == Presence::Absent {
            reasons.push(format!("{label} has no sources of the standard library"));
        } else {
            let why =
                format!("{label} has its sources, so the standard library is built from them; {}", reasons.join("; "));
            return build(facts, compiler, Core::FromSource, why).map(Choice::Build);
        }
    }
    Err(NoToolchain { target, reasons })
}

fn build(facts: &Facts, compiler: &Compiler, core: Core, why: String) -> Result<Recipe, NoToolchain> {
    let is_current = facts.current.as_ref().is_some_and(|current| current.rustc == compiler.rustc);
    // Programs for Linux are linked by a C compiler, which whoever builds them names.
    let linker = if compiler.lld.is_some() || facts.target.contains("-linux-") {
        None
    } else {
        let others = facts.current.iter().chain(&facts.others).find_map(|other| other.lld.as_ref());
        let linker = others.or(facts.system_lld.as_ref()).ok_or_else(|| NoToolchain {
            target: facts.target,
            reasons: vec![format!("{} has no `rust-lld`, and the system has no LLD (package `lld`)", compiler.label)],
        })?;
        Some(linker.clone())
    };
    let rustc = (!is_current).then(|| compiler.rustc.clone());
    Ok(Recipe { target: facts.target, core, rustc, linker, why })
}

impl Recipe {
    /// `cargo build` for the target, with `libraries` of the standard library where they are built from source.
    pub(crate) fn cargo_build(&self, libraries: &str) -> Command {
        self.cargo("build", &workspace::guest_target_dir(), libraries)
    }

    /// Cargo's `command` for the target, which builds in `folder`, with `libraries` of the standard library where they
    /// are built from source.
    pub(crate) fn cargo(&self, command: &str, folder: &Path, libraries: &str) -> Command {
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

/// The environment variable by which cargo's setting `name` of a target is given.
pub(crate) fn target_variable(target: &str, name: &str) -> String {
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
    fn an_installed_target_comes_first() {
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
    fn sources_of_the_current_compiler_come_before_those_of_another() {
        let nightly = compiler("nightly", 97, Absent, Present);
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Present)), vec![nightly], add);
        let recipe = recipe(&facts);
        assert_eq!((recipe.core, recipe.rustc), (Core::FromSource, None));
        assert!(recipe.why.contains("no network"), "{}", recipe.why);
    }

    #[test]
    fn a_distribution_compiler_borrows_the_linker_of_another() {
        let distribution = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Absent)), vec![distribution], add);
        let recipe = recipe(&facts);
        assert_eq!(recipe.rustc, Some(PathBuf::from("/distribution/rustc")));
        assert_eq!(recipe.linker, Some(PathBuf::from("/stable/rust-lld")));
    }

    #[test]
    fn without_any_lld_the_missing_package_is_named() {
        let alone = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let facts = facts(Some(alone), vec![], TargetAdd::Failed("no rustup".to_owned()));
        assert!(choose(&facts).unwrap_err().to_string().contains("package `lld`"));
    }

    #[test]
    fn a_program_for_linux_needs_no_lld() {
        let alone = Compiler { lld: None, ..compiler("distribution", 96, Absent, Present) };
        let add = TargetAdd::Failed("no rustup".to_owned());
        let facts = Facts { target: "s390x-unknown-linux-gnu", ..facts(Some(alone), vec![], add) };
        assert_eq!(recipe(&facts).linker, None);
    }

    #[test]
    fn when_nothing_will_do_every_reason_is_given() {
        let old = compiler("distribution", 63, Absent, Present);
        let add = TargetAdd::Failed("no network".to_owned());
        let facts = facts(Some(compiler("stable", 95, Absent, Absent)), vec![old], add);
        let message = choose(&facts).unwrap_err().to_string();
        for reason in
            ["no network", "stable has no sources", "distribution is version 1.63", "rustup component add rust-src"]
        {
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
    fn versions_are_read_from_all_their_spellings() {
        for text in ["1.95", "1.95.0", "1.95.0-nightly", "1.95.0+dfsg1-1~deb12u2\n"] {
            assert_eq!(text.parse(), Ok(MINIMUM), "{text}");
        }
        assert_eq!("stable".parse::<Version>(), Err(()));
    }

    #[test]
    fn only_a_build_from_source_asks_for_unstable_options() {
        let prebuilt = facts(Some(compiler("stable", 95, Present, Absent)), vec![], TargetAdd::Untried);
        let arguments = format!("{:?}", recipe(&prebuilt).cargo_build("core"));
        assert!(!arguments.contains("build-std"), "{arguments}");
        let add = TargetAdd::Failed("no network".to_owned());
        let source = facts(Some(compiler("stable", 95, Absent, Present)), vec![], add);
        let arguments = format!("{:?}", recipe(&source).cargo_build("core"));
        assert!(arguments.contains("build-std=core") && arguments.contains("RUSTC_BOOTSTRAP"), "{arguments}");
    }
}
