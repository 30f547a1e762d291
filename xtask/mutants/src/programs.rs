//! The test programs of the copy: what each test reaches, and whether it fails with a mutant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xtask_common::process::run::{self, RunError};

use crate::{list::Mutant, tree};

/// The packages whose tests judge, as in `.cargo/mutants.toml`.
const PACKAGES: [&str; 3] = ["aerostat-spec", "aerostat-transport", "aerostat-balloon"];
/// Tests and programs that no mutant can change, that read the sources, or that need QEMU.
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
    /// The folder of its package and its target, for instance `balloon/properties`.
    name: String,
    file: PathBuf,
    /// The folder of its package.
    package: PathBuf,
}

/// A test, and what it reaches.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Test {
    /// The name of its program.
    program: String,
    name: String,
    seconds: f64,
    reached: BTreeSet<usize>,
}

/// What the tests of a build reach. It is kept, because running all tests takes minutes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Reached {
    /// The time of each program's build.
    built: BTreeMap<String, SystemTime>,
    tests: Vec<Test>,
}

/// How the tests judged a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// A test fails.
    Caught {
        /// The program and the test.
        by: String,
    },
    /// A test does not end within ten times the time that it takes otherwise, and 20 s.
    Timeout,
    /// It does not compile. Only cargo-mutants says that of a mutant, because mutants that do not compile are not in the copy.
    Unviable,
    /// No test reaches the mutant.
    Unreached,
    /// The tests that reach it pass.
    Missed {
        /// The number of tests that reach it and did not run, because of `--seconds`.
        left_out: usize,
    },
}

impl Verdict {
    /// Returns whether no test failed.
    pub(crate) fn is_missed(&self) -> bool {
        matches!(self, Self::Unreached | Self::Missed { .. })
    }
}

/// All tests.
#[derive(Debug)]
pub(crate) struct Suite {
    programs: BTreeMap<String, Program>,
    tests: Vec<Test>,
    /// How many mutants of a source file a program has caught. The empty name stands for all files.
    caught: Mutex<BTreeMap<(String, String), u32>>,
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

    /// Runs each test once, without a mutant.
    fn reached(&self) -> anyhow::Result<Vec<Test>> {
        let scratch = tree::folder().join("reached");
        let mut tests = Vec::new();
        for name in self.tests()? {
            let _ = fs::remove_dir_all(&scratch);
            fs::create_dir_all(&scratch)?;
            let path = scratch.join("by");
            let started = Instant::now();
            let environment =
                [("AEROSTAT_REACHED", path.to_str().context("a path is not UTF-8")?), ("RUST_BACKTRACE", "0")];
            let (passed, output) = self.run(&[&name], LIMIT, environment)?;
            anyhow::ensure!(passed, "{}::{name} fails without a mutant: {output}", self.name);
            let seconds = started.elapsed().as_secs_f64();
            let mut reached = BTreeSet::new();
            for file in fs::read_dir(&scratch)? {
                reached.extend(fs::read_to_string(file?.path())?.lines().filter_map(|line| line.parse::<usize>().ok()));
            }
            tests.push(Test { program: self.name.clone(), name, seconds, reached });
        }
        Ok(tests)
    }

    fn tests(&self) -> io::Result<Vec<String>> {
        let listed =
            Command::new(&self.file).args(["--list", "--format", "terse"]).current_dir(&self.package).output()?;
        let all = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ignored = ["--list", "--ignored", "--format", "terse"];
        let ignored = Command::new(&self.file).args(ignored).current_dir(&self.package).output()?;
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
            let package = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
            let file = message["executable"].as_str()?.into();
            let folder = package.file_name()?.to_str()?;
            let name = format!("{folder}/{}", message["target"]["name"].as_str()?);
            Some((name.clone(), Program { name, file, package }))
        });
        let is_run = |(name, _): &(String, Program)| !SKIPPED.iter().any(|skipped| name.contains(skipped));
        let programs: BTreeMap<String, Program> = programs.filter(is_run).collect();
        let file = tree::folder().join("reached.json");
        let kept = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Reached>(&text).ok());
        let mut kept = kept.unwrap_or_default();
        for program in programs.values() {
            let built = fs::metadata(&program.file)?.modified()?;
            if kept.built.get(&program.name) != Some(&built) {
                kept.tests.retain(|test| test.program != program.name);
                kept.tests.extend(program.reached()?);
                kept.built.insert(program.name.clone(), built);
                fs::write(&file, serde_json::to_vec(&kept)?)?;
            }
        }
        kept.tests.retain(|test| programs.contains_key(&test.program));
        Ok(Self { programs, tests: kept.tests, caught: Mutex::default() })
    }

    /// Returns how many tests there are.
    pub(crate) fn len(&self) -> usize {
        self.tests.len()
    }

    /// Notes that a program catches mutants of a file, so that it goes first with others.
    pub(crate) fn note(&self, by: &str, file: &str) {
        let program = by.split("::").next().unwrap_or_default();
        let mut caught = self.caught.lock().unwrap_or_else(PoisonError::into_inner);
        for file in ["", file] {
            *caught.entry((program.to_owned(), file.to_owned())).or_default() += 1;
        }
    }

    /// Runs the tests that reach a mutant until one fails, or the next ones would exceed `seconds`. The quick tests of a program run
    /// in one process, and programs that have caught many mutants in little time go first.
    ///
    /// # Errors
    ///
    /// If a program does not start.
    pub(crate) fn judge(&self, number: usize, mutant: &Mutant, seconds: f64) -> anyhow::Result<Verdict> {
        let mut groups: BTreeMap<(u8, &str, &str), Vec<&Test>> = BTreeMap::new();
        for test in self.tests.iter().filter(|test| test.reached.contains(&number)) {
            let (class, alone) = match test.seconds {
                ..0.25 => (0, ""),
                ..1.0 => (1, ""),
                _ => (2, test.name.as_str()),
            };
            groups.entry((class, &test.program, alone)).or_default().push(test);
        }
        if groups.is_empty() {
            return Ok(Verdict::Unreached);
        }
        let mut left_out: usize = groups.values().map(Vec::len).sum();
        let mut left = seconds;
        let number = number.to_string();
        for (program, tests, takes) in self.in_order(groups, &mutant.file) {
            if takes > left {
                break;
            }
            left -= takes;
            let Some(program) = self.programs.get(program) else { continue };
            let limit = Duration::from_secs_f64(20.0 + 10.0 * takes);
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            match program.run(&names, limit, [("AEROSTAT_MUTANT", &number), ("RUST_BACKTRACE", "0")]) {
                Ok((true, _)) => left_out -= names.len(),
                Ok((false, output)) => {
                    let by = format!("{}::{}", program.name, failed(&output).unwrap_or(names[0]));
                    self.note(&by, &mutant.file);
                    return Ok(Verdict::Caught { by });
                }
                Err(RunError::Limit { .. }) => return Ok(Verdict::Timeout),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Verdict::Missed { left_out })
    }

    /// Sorts groups of tests by what they are likely to catch in their time. Returns the program of each, its tests and seconds.
    fn in_order<'a>(
        &self,
        groups: BTreeMap<(u8, &'a str, &str), Vec<&'a Test>>,
        file: &str,
    ) -> Vec<(&'a str, Vec<&'a Test>, f64)> {
        let caught = self.caught.lock().unwrap_or_else(PoisonError::into_inner);
        let times = |program: &str, file: &str| {
            f64::from(caught.get(&(program.to_owned(), file.to_owned())).copied().unwrap_or(0))
        };
        let mut sorted: Vec<_> = groups
            .into_iter()
            .map(|((class, program, _), tests)| {
                let takes = 0.1 + tests.iter().map(|test| test.seconds).sum::<f64>();
                let cost = takes * f64::from(1 + class) / (0.1 + times(program, "") * 0.02 + times(program, file));
                (cost, (program, tests, takes))
            })
            .collect();
        sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        sorted.into_iter().map(|(_, group)| group).collect()
    }
}

/// Returns the test that failed.
fn failed(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"))
}
