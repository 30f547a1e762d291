//! The arguments of the command.

use std::path::PathBuf;

use anyhow::Context as _;

/// What the command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Judges mutants.
    Judge,
    /// Takes over the verdicts of a run of cargo-mutants, from its `outcomes.json`.
    Import(PathBuf),
    /// Writes the verdicts to the book.
    Book,
}

/// The arguments of the command.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) task: Task,
    /// Forgets the verdicts of earlier runs.
    pub(crate) is_fresh: bool,
    /// Judges those again that no test has caught.
    pub(crate) is_for_missed: bool,
    /// Parts of names. Only mutants with one of them are judged, unless there are none.
    only: Vec<String>,
    /// The time of the tests for one mutant.
    pub(crate) seconds: f64,
    /// How many mutants are judged at a time.
    pub(crate) jobs: usize,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut options = Self {
            task: Task::Judge,
            is_fresh: false,
            is_for_missed: false,
            only: Vec::new(),
            seconds: f64::INFINITY,
            jobs: 1,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--fresh" => options.is_fresh = true,
                "--missed" => options.is_for_missed = true,
                "--only" => options.only.push(value()?),
                "--seconds" => options.seconds = value()?.parse()?,
                "--jobs" => options.jobs = value()?.parse()?,
                "--import" => options.task = Task::Import(value()?.into()),
                "--book" => options.task = Task::Book,
                other => anyhow::bail!("unknown argument `{other}`: see \"Mutants\" in docs/src/testing.md"),
            }
        }
        Ok(options)
    }

    /// Returns whether a mutant of this name is to be judged.
    pub(crate) fn selects(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Options> {
        Options::parse(arguments.iter().map(|&argument| argument.to_owned()))
    }

    #[test]
    fn arguments_select_mutants_and_what_is_done_with_them() {
        let options = parse(&["--missed", "--only", "spec/", "--only", "in set_many", "--seconds", "2.5"]).unwrap();
        assert!(options.is_for_missed && !options.is_fresh);
        assert_eq!((options.seconds, options.jobs, options.task.clone()), (2.5, 1, Task::Judge));
        let names =
            ["spec/src/a.rs:1:2: b", "balloon/src/a.rs:1:2: replace + with - in set_many", "balloon/src/c.rs:1:2: d"];
        assert_eq!(names.map(|name| options.selects(name)), [true, true, false]);
        assert!(parse(&[]).unwrap().selects("anything"));
        assert_eq!(parse(&["--import", "a"]).unwrap().task, Task::Import("a".into()));
        for wrong in [["--only"].as_slice(), &["--jobs", "many"], &["--unknown"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
