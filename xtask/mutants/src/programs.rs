//! The test programs of the copy: what each test reaches, and whether it fails with a mutant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xtask_common::process::run::{self, RunError};

use crate::tree;

/// The packages whose tests judge, as in `.cargo/mutants.toml`.
const PACKAGES: [&str; 3] = ["aerostat-spec", "aerostat-transport", "aerostat-balloon"];
/// Tests that no mutant can change, or that read the sources.
const SKIPPED: [&str; 4] =
    ["wrong_use_does_not_compile", "invalid_code_does_not_compile", "description_file_is_a_source_file", "qemu"];
/// The time limit of a test without a mutant.
const LIMIT: Duration = Duration::from_mins(5);

/// Returns a command that builds the tests of the copy.
pub(crate) fn cargo(command: &str, folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg(command).args(PACKAGES.iter().flat_map(|package| ["-p", package]));
    cargo.args(["--lib", "--tests", "--profile", "mutants", "--message-format=json"]).current_dir(folder);
    // Warnings about the inserted code do not matter. The tests run many times, so they are optimised.
    cargo.env("RUSTFLAGS", "--cap-lints=allow").env("CARGO_PROFILE_MUTANTS_OPT_LEVEL", "1");
    cargo.env("CARGO_TARGET_DIR", tree::folder().join("target"));
    cargo
}

/// A test program.
#[derive(Clone, Debug)]
struct Program {
    file: PathBuf,
    /// The folder of its package.
    package: PathBuf,
}

/// A test, and what it reaches.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    /// The index of its program.
    program: usize,
    name: String,
    seconds: f64,
    reached: BTreeSet<usize>,
    /// How many mutants it has caught.
    caught: u32,
}

/// How the tests judged a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// A test fails.
    Caught {
        /// The test.
        by: String,
    },
    /// A test does not end within ten times the time that it takes otherwise, and 20 s.
    Timeout,
    /// No test reaches the mutant.
    Unreached,
    /// All tests that reach it pass.
    Missed,
}

/// All tests.
#[derive(Debug)]
pub(crate) struct Suite {
    programs: Vec<Program>,
    tests: Vec<Test>,
}

impl Program {
    /// Runs tests one after the other. Returns the output, and whether they passed.
    fn run(&self, tests: &[&str], limit: Duration, environment: [(&str, &str); 2]) -> Result<(bool, String), RunError> {
        let mut command = Command::new(&self.file);
        command.args(["-Zunstable-options", "--fail-fast", "--exact", "--test-threads=1"]).args(tests);
        // For `--fail-fast`, which the libraries of stable compilers accept with this variable only.
        command.env("RUSTC_BOOTSTRAP", "1").envs(environment).current_dir(&self.package).stderr(Stdio::null());
        command.env("CARGO_MANIFEST_DIR", &self.package).env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
        let (status, output) = run::output(&mut command, limit)?;
        let all = format!(" {} passed;", tests.len());
        Ok((status.success() && output.contains(&all), output))
    }

    fn tests(&self) -> io::Result<Vec<String>> {
        let listed =
            Command::new(&self.file).args(["--list", "--format", "terse"]).current_dir(&self.package).output()?;
        let all = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ignored = Command::new(&self.file).args(["--list", "--ignored", "--format", "terse"]).output()?;
        let ignored = String::from_utf8_lossy(&ignored.stdout).into_owned();
        let is_run = |line: &&str| !ignored.lines().any(|ignored| ignored == *line);
        let names = all.lines().filter(is_run).filter_map(|line| line.strip_suffix(": test"));
        let is_skipped = |name: &str| SKIPPED.iter().any(|skipped| name.contains(skipped));
        Ok(names.filter(|name| !is_skipped(name)).map(str::to_owned).collect())
    }
}

impl Suite {
    /// Builds the tests and runs each one once, without a mutant.
    ///
    /// # Errors
    ///
    /// If the copy does not build.
    pub(crate) fn build(copy: &Path) -> anyhow::Result<Self> {
        let built = cargo("test", copy).arg("--no-run").stderr(Stdio::inherit()).output()?;
        anyhow::ensure!(built.status.success(), "the tests of the copy do not build");
        let messages = String::from_utf8(built.stdout)?;
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let programs = messages.filter_map(|message| {
            let manifest = Path::new(message["manifest_path"].as_str()?).to_path_buf();
            let file = message["executable"].as_str()?.into();
            Some(Program { file, package: manifest.parent()?.to_path_buf() })
        });
        let mut suite = Self { programs: programs.collect(), tests: Vec::new() };
        let scratch = tree::folder().join("reached");
        for (program, at) in suite.programs.iter().zip(0..) {
            for name in program.tests()? {
                let _ = fs::remove_dir_all(&scratch);
                fs::create_dir_all(&scratch)?;
                let path = scratch.join("by");
                let started = Instant::now();
                let environment =
                    [("AEROSTAT_REACHED", path.to_str().context("a path is not UTF-8")?), ("RUST_BACKTRACE", "0")];
                let (passed, output) = program.run(&[&name], LIMIT, environment)?;
                anyhow::ensure!(passed, "{name} fails without a mutant: {output}");
                let seconds = started.elapsed().as_secs_f64();
                let mut reached = BTreeSet::new();
                for file in fs::read_dir(&scratch)? {
                    reached.extend(
                        fs::read_to_string(file?.path())?.lines().filter_map(|line| line.parse::<usize>().ok()),
                    );
                }
                suite.tests.push(Test { program: at, name, seconds, reached, caught: 0 });
            }
        }
        Ok(suite)
    }

    /// Returns how many tests there are.
    pub(crate) fn len(&self) -> usize {
        self.tests.len()
    }

    /// Runs the tests that reach a mutant until one fails. The quick tests of a program run in one process, and programs that have
    /// caught many mutants in little time go first.
    ///
    /// # Errors
    ///
    /// If a program does not start.
    pub(crate) fn judge(&mut self, mutant: usize) -> anyhow::Result<Verdict> {
        let mut groups: BTreeMap<(u8, usize, &str), Vec<&Test>> = BTreeMap::new();
        for test in self.tests.iter().filter(|test| test.reached.contains(&mutant)) {
            let (class, alone) = match test.seconds {
                ..0.25 => (0, ""),
                ..1.0 => (1, ""),
                _ => (2, test.name.as_str()),
            };
            groups.entry((class, test.program, alone)).or_default().push(test);
        }
        if groups.is_empty() {
            return Ok(Verdict::Unreached);
        }
        let seconds = |tests: &[&Test]| 0.1 + tests.iter().map(|test| test.seconds).sum::<f64>();
        let caught = |tests: &[&Test]| tests.iter().map(|test| f64::from(test.caught)).sum::<f64>();
        let mut groups: Vec<_> = groups.into_iter().collect();
        let cost = |tests: &[&Test]| seconds(tests) / (0.02 + caught(tests));
        groups.sort_by(|((one, ..), a), ((other, ..), b)| one.cmp(other).then(cost(a).total_cmp(&cost(b))));
        let number = mutant.to_string();
        let mut by = None;
        for ((_, program, _), tests) in groups {
            let Some(runs) = self.programs.get(program) else { continue };
            let limit = Duration::from_secs_f64(20.0 + 10.0 * seconds(&tests));
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            match runs.run(&names, limit, [("AEROSTAT_MUTANT", &number), ("RUST_BACKTRACE", "0")]) {
                Ok((true, _)) => {}
                Ok((false, output)) => {
                    by = Some((program, failed(&output).unwrap_or(names[0]).to_owned()));
                    break;
                }
                Err(RunError::Limit { .. }) => return Ok(Verdict::Timeout),
                Err(error) => return Err(error.into()),
            }
        }
        let Some((program, by)) = by else { return Ok(Verdict::Missed) };
        if let Some(test) = self.tests.iter_mut().find(|test| test.program == program && test.name == by) {
            test.caught += 1;
        }
        Ok(Verdict::Caught { by })
    }
}

/// Returns the test that failed.
fn failed(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
}
