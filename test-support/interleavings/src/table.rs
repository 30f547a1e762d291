//! The table of weakened orderings: which test of a crate finds which.
//!
//! Each ordering that the tests reach is weakened in turn, and the tests that reach it are run until one fails. The table in the book
//! has to show the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use crate::site::{PREFIX, PRINT, Site, WEAKEN};

/// A weakened ordering: the file in `src`, the function, the operation such as `load`, and the weaker ordering.
pub type Weakened = (&'static str, &'static str, &'static str, &'static str);

/// Why no test finds a weakened ordering.
#[derive(Clone, Copy, Debug)]
pub enum Reason {
    /// Why no test finds it, and why the ordering is used nevertheless.
    Because(Weakened, &'static str),
    /// Another ordering does the same. A test finds it if that is weakened too.
    Together(Weakened, Weakened),
}

impl Reason {
    const fn weakened(&self) -> Weakened {
        match *self {
            Self::Because(weakened, _) | Self::Together(weakened, _) => weakened,
        }
    }
}

/// A weakened ordering, and the first test that fails with it.
#[derive(Clone, Debug)]
struct Row {
    file: String,
    function: String,
    site: Site,
    weaker: &'static str,
    found_by: Option<String>,
}

impl Row {
    fn is(&self, weakened: Weakened) -> bool {
        weakened == (&*self.file, &*self.function, &*self.site.operation, self.weaker)
    }

    /// Returns the value of the variable that weakens it.
    fn variable(&self) -> String {
        format!("{}={}", self.site, self.weaker)
    }
}

/// Weakens each ordering that the interleaving tests of this program reach, and compares the result with the table of `crate_name` in the
/// book. With `BLESS` in the environment, writes the table.
///
/// # Panics
///
/// If the table is another one, if a weakened ordering is neither found by a test nor has a reason, or if there is a reason for one that
/// is found.
pub fn check(crate_name: &str, module: &str, this_test: &str, reasons: &[Reason]) {
    let tests = tests(module, this_test);
    let mut reached: BTreeMap<Site, BTreeSet<&str>> = BTreeMap::new();
    let outputs = in_parallel(&tests, |test| run(test, PRINT, "1"));
    for (test, output) in tests.iter().zip(&outputs) {
        assert!(output.status.success(), "{test} fails");
        let text = String::from_utf8_lossy(&output.stdout);
        // The harness may have written the name of the test in front of the first line.
        let sites = text.lines().filter_map(|line| line.split_once(PREFIX)?.1.parse::<Site>().ok());
        // The orderings of the tests' own devices are not those of the drivers.
        for site in sites.filter(|site| !site.file.contains("interleavings")) {
            reached.entry(site).or_default().insert(test);
        }
    }
    let weakened: Vec<_> = reached
        .iter()
        .flat_map(|(site, tests)| site.weaker().iter().map(move |&weaker| (site, weaker, tests)))
        .collect();
    assert!(!weakened.is_empty(), "no test reaches an ordering");
    let rows = in_parallel(&weakened, |(site, weaker, tests)| row(site, weaker, tests));
    let has_reason = |row: &Row| reasons.iter().any(|reason| row.is(reason.weakened()));
    let lacks_reason = |row: &&Row| row.found_by.is_none() && !has_reason(row);
    let unexplained: Vec<_> = rows.iter().filter(lacks_reason).cloned().collect();
    assert!(
        unexplained.is_empty(),
        "no test finds these, and there is no reason for them:\n{}",
        text(&unexplained, &[])
    );
    for reason in reasons {
        let is_needed = rows.iter().any(|row| row.found_by.is_none() && row.is(reason.weakened()));
        assert!(is_needed, "the reason is not needed: {reason:#?}");
        if let Reason::Together(one, other) = reason {
            let both = rows.iter().filter(|row| row.is(*one) || row.is(*other));
            let variable = both.map(Row::variable).collect::<Vec<_>>().join(";");
            let is_found = tests.iter().any(|test| !run(test, WEAKEN, &variable).status.success());
            assert!(is_found, "no test finds both: {reason:#?}");
        }
    }
    compare(crate_name, &text(&rows, reasons));
}

/// Returns the names of the interleaving tests of this program, except the one that checks the table.
fn tests(module: &str, this_test: &str) -> Vec<String> {
    let output = Command::new(env::current_exe().unwrap()).args([module, "--list"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    names.filter(|name| !name.ends_with(this_test)).map(str::to_owned).collect()
}

fn run(test: &str, variable: &str, value: &str) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]).env(variable, value).output().unwrap()
}

fn row(site: &Site, weaker: &'static str, tests: &BTreeSet<&str>) -> Row {
    let finds = |test: &&&str| {
        let output = run(test, WEAKEN, &format!("{site}={weaker}"));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains("exceeded maximum"), "{test} is too long with {site} weakened to {weaker}");
        !output.status.success()
    };
    let found_by = tests.iter().find(finds).map(|test| (*test).to_owned());
    let file = site.file.split_once("src/").map_or(&*site.file, |(_, file)| file).to_owned();
    Row { file, function: function(site), site: site.clone(), weaker, found_by }
}

/// Returns the root of the workspace, which the file names are relative to.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Returns the name of the function that a site is in.
fn function(site: &Site) -> String {
    let source = fs::read_to_string(root().join(&site.file)).unwrap();
    let before: Vec<_> = source.lines().take(site.line as usize).collect();
    let declaration = before.iter().rev().find_map(|line| {
        let (modifiers, rest) = line.trim_start().split_once("fn ")?;
        let is_function =
            modifiers.split_whitespace().all(|word| word.starts_with("pub") || matches!(word, "const" | "unsafe"));
        is_function.then(|| rest.split(['(', '<']).next())?
    });
    declaration.unwrap_or_default().to_owned()
}

/// Calls `work` for each item on all processors.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let worker = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(number)
        {
            let result = work(item);
            results.lock().unwrap().push((number, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn text(rows: &[Row], reasons: &[Reason]) -> String {
    let mut table = "| code | operation | weaker ordering | found by |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let Row { file, function, site: Site { operation, ordering, .. }, weaker, found_by } = row;
        // Several operations of a function are numbered.
        let alike = |other: &&Row| (&other.file, &other.function, &other.site.operation) == (file, function, operation);
        let lines: BTreeSet<_> = rows.iter().filter(alike).map(|other| other.site.line).collect();
        let number = lines.iter().position(|line| *line == row.site.line).map_or(0, |index| index + 1);
        let number = if lines.len() > 1 { format!(" {number}") } else { String::new() };
        let result = match (found_by, reasons.iter().find(|reason| row.is(reason.weakened()))) {
            (Some(test), _) => format!("`{}`", test.rsplit("::").next().unwrap_or_default()),
            (None, Some(Reason::Because(_, text))) => format!("no test: {text}"),
            (None, Some(Reason::Together(_, (_, function, operation, weaker)))) => {
                format!("a test, if the `{operation}` of `{function}` becomes {weaker} too: each of them is enough")
            }
            (None, None) => "no test".to_owned(),
        };
        writeln!(table, "| `{file}`, `{function}` | `{operation}`{number}, {ordering} | {weaker} | {result} |")
            .unwrap();
    }
    table
}

/// Compares the table with that of the book, or writes it.
fn compare(crate_name: &str, table: &str) {
    let path = root().join("docs/src/interleavings.md");
    let book = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- begin: {crate_name} -->\n"), format!("<!-- end: {crate_name} -->\n"));
    let (before, rest) = book.split_once(&begin).unwrap();
    let (known, after) = rest.split_once(&end).unwrap();
    if env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}{begin}\n{table}\n{end}{after}")).unwrap();
        return;
    }
    let is_same = known.trim() == table.trim();
    assert!(
        is_same,
        "the table of {crate_name} in {} is another one; set BLESS=1 to write this:\n{table}",
        path.display()
    );
}
