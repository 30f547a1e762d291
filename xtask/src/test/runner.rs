//! Runs the steps and keeps what they share.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    count::Count,
    flights, foreign, matrix, proofs,
    steps::{Action, Scope, Step},
};
use crate::{
    build::{guest, probe, toolchain::Recipe},
    cli::Arch,
    process::{interrupt, run},
};

/// What to do with numbers of which some are kept in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// Compare them.
    Compare,
    /// Keep these from now on.
    Write,
}

/// What the steps share.
#[derive(Debug)]
pub(crate) struct Context {
    scope: Scope,
    baseline: Baseline,
    /// The architecture that all is tested on.
    pub(crate) arch: Arch,
    recipes: HashMap<Arch, Recipe>,
    images: HashMap<Arch, PathBuf>,
    /// The matrix, once it is filled in, for the end of the run.
    pub(crate) matrix: Option<String>,
}

/// How a step ended.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) count: Count,
    pub(crate) elapsed: Duration,
    /// Why it failed.
    pub(crate) failure: Option<String>,
}

impl Outcome {
    /// For a reader.
    pub(crate) fn sentence(&self) -> String {
        let seconds = self.elapsed.as_secs_f64();
        match &self.failure {
            None => format!("passed after {seconds:.1} s"),
            Some(reason) => format!("FAILED after {seconds:.1} s: {reason}"),
        }
    }
}

impl Context {
    /// Nothing is built yet; the image of the guest for `arch` may be given.
    pub(crate) fn new(scope: Scope, arch: Arch, image: Option<PathBuf>, baseline: Baseline) -> Self {
        let images = image.map(|image| (arch, image)).into_iter().collect();
        Self { scope, baseline, arch, recipes: HashMap::new(), images, matrix: None }
    }

    /// What to do with numbers that are found.
    pub(crate) const fn baseline(&self) -> Baseline {
        self.baseline
    }

    /// Runs `step`. An error only when the user stopped the program.
    pub(crate) fn run(&mut self, step: &Step) -> Result<Outcome, interrupt::Interrupted> {
        let start = Instant::now();
        let (count, failure) = match step.action {
            Action::Run { command, limit } => self.run_counted(&mut command(), limit),
            Action::RunForeign(processor) => match foreign::tests(processor) {
                Ok(mut command) => self.run_counted(&mut command, foreign::LIMIT),
                Err(error) => judge(Err(error)),
            },
            Action::Check(check) => judge(check(self)),
            Action::Fly(arch, transport) => judge(flights::qemu(self, arch, transport)),
            Action::Matrix => matrix::run(self).unwrap_or_else(|error| judge(Err(error))),
            Action::Prove(proof, arch, transport) => judge(proofs::run(self, proof, arch, transport)),
        };
        interrupt::check()?;
        Ok(Outcome { count, elapsed: start.elapsed(), failure })
    }

    fn run_counted(&self, command: &mut Command, limit: Duration) -> (Count, Option<String>) {
        let (mut counts, mut failed) = (Vec::new(), Vec::new());
        command.env(self.scope.variable(), "1").stderr(Stdio::inherit());
        let ended = run::lines(command, limit, |line| {
            println!("{line}");
            counts.extend(Count::of_line(&line));
            failed.extend(failed_test(&line).map(str::to_owned));
        });
        let counted: Count = counts.iter().copied().sum();
        let failure = match ended {
            Ok(status) if status.success() => None,
            Ok(status) if failed.is_empty() => Some(format!("cargo ended with {status}")),
            Ok(_) => Some(failed.join(", ")),
            Err(error) => Some(error.to_string()),
        };
        (conclude(counted, failure.is_none()), failure)
    }

    /// How to build for bare metal, found out once.
    pub(crate) fn recipe(&mut self, arch: Arch) -> anyhow::Result<Recipe> {
        Ok(match self.recipes.entry(arch) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(place) => place.insert(probe::recipe(arch.target())?).clone(),
        })
    }

    /// The guest's image, built once.
    pub(crate) fn build_guest(&mut self, arch: Arch) -> anyhow::Result<PathBuf> {
        if let Some(image) = self.images.get(&arch) {
            return Ok(image.clone());
        }
        let recipe = self.recipe(arch)?;
        let image = guest::build(arch, &recipe)?;
        self.images.insert(arch, image.clone());
        Ok(image)
    }
}

/// A check counts as one test.
fn judge(result: anyhow::Result<()>) -> (Count, Option<String>) {
    match result {
        Ok(()) => (Count::PASSED, None),
        Err(error) => (Count::FAILED, Some(format!("{error:#}"))),
    }
}

/// The name in a line of the test harness like `test a_name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// A command that runs no tests counts as one; one that fails without a failed test (it did not compile) too.
fn conclude(counted: Count, succeeded: bool) -> Count {
    match (succeeded, counted) {
        (true, Count { passed: 0, failed: 0 }) => Count::PASSED,
        (false, Count { passed, failed: 0 }) => Count { passed, failed: 1 },
        (_, counted) => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_tests_counts_as_one() {
        assert_eq!(conclude(Count::default(), true), Count::PASSED);
        assert_eq!(conclude(Count::default(), false), Count::FAILED);
    }

    #[test]
    fn tests_count_for_themselves_and_a_broken_build_is_never_lost() {
        let passed = Count { passed: 7, failed: 0 };
        assert_eq!(conclude(passed, true), passed);
        assert_eq!(conclude(passed, false), Count { passed: 7, failed: 1 });
        assert_eq!(conclude(Count { passed: 7, failed: 2 }, false), Count { passed: 7, failed: 2 });
    }

    #[test]
    fn a_failed_test_is_named() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test rings::wrap ... FAILED'; echo 'test rings::fit ... ok'; exit 101"]);
        let (count, failure) = Context::new(Scope::Host, Arch::X86_64, None, Baseline::Compare)
            .run_counted(&mut command, Duration::from_secs(30));
        assert_eq!((count, failure.as_deref()), (Count::FAILED, Some("rings::wrap")));
    }

    #[test]
    fn a_step_counts_the_tests_of_its_command() {
        let mut command = Command::new("echo");
        command.arg("test result: ok. 5 passed; 0 failed; 0 ignored");
        let (count, failure) = Context::new(Scope::Host, Arch::X86_64, None, Baseline::Compare)
            .run_counted(&mut command, Duration::from_secs(30));
        assert_eq!((count, failure), (Count { passed: 5, failed: 0 }, None));
    }
}
