//! The files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};

use crate::{
    annotation::is_annotation,
    check::{Names, problems},
    exception::Exception,
    page::render,
    requirement::Requirement,
    scan::{Found, Kind, scan_text},
};

/// The folders with the code and the tests of the driver.
const CODE: [&str; 3] = ["balloon", "spec", "transport"];
/// The folders whose comments and prose name requirements.
const MENTIONS: [&str; 6] = ["balloon", "device", "docs", "fuzz", "spec", "transport"];
/// The list of requirements.
const REQUIREMENTS: &str = "docs/conformance/requirements.tsv";
/// The requirements without evidence.
const EXCEPTIONS: &str = "docs/conformance/exceptions.tsv";
/// The page without its generated parts.
const TEMPLATE: &str = "docs/conformance/template.md";
/// The generated page.
pub const PAGE: &str = "docs/src/conformance.md";

/// The requirements, their evidence and the page.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
    requirements: Vec<Requirement>,
    exceptions: Vec<Exception>,
    template: String,
    found: Found,
    /// Names of requirements that do not exist.
    unknown: Vec<String>,
}

impl Repository {
    /// Reads the workspace in `root`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a list is malformed.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let read = |file: &str| fs::read_to_string(root.join(file)).with_context(|| format!("failed to read {file}"));
        let requirements = Requirement::parse_list(&read(REQUIREMENTS)?).context(REQUIREMENTS)?;
        let exceptions = Exception::parse_list(&read(EXCEPTIONS)?).context(EXCEPTIONS)?;
        let mut found = Found::default();
        for folder in CODE {
            for file in files(root, folder, &["rs"])? {
                found.append(scan_file(root, &file, &read(&file)?));
            }
        }
        let (names, mut unknown) = (Names::of(&requirements), Vec::new());
        for folder in MENTIONS {
            for file in files(root, folder, &["md", "rs"])?.into_iter().filter(|file| file != PAGE) {
                let text = read(&file)?;
                let ids = text.lines().filter(|line| !is_annotation(line)).flat_map(|line| names.unknown(line));
                unknown.extend(ids.map(|id| format!("{file}: the requirement `{id}` does not exist")));
            }
        }
        Ok(Self { root: root.to_owned(), requirements, exceptions, template: read(TEMPLATE)?, found, unknown })
    }

    /// Returns everything that is wrong with the annotations and the lists.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = problems(&self.requirements, &self.exceptions, &self.found);
        problems.extend(self.unknown.iter().cloned());
        problems
    }

    /// Writes the page.
    ///
    /// # Errors
    ///
    /// If there are problems, or the page cannot be written.
    pub fn write_page(&self) -> anyhow::Result<()> {
        let problems = self.problems();
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        fs::write(self.root.join(PAGE), self.page()?).with_context(|| format!("failed to write {PAGE}"))
    }

    /// Checks that the page is current.
    ///
    /// # Errors
    ///
    /// If there are problems, or the page is another one.
    pub fn check_page(&self) -> anyhow::Result<()> {
        let problems = self.problems();
        ensure!(problems.is_empty(), "{}", problems.join("\n"));
        let found = fs::read_to_string(self.root.join(PAGE)).with_context(|| format!("failed to read {PAGE}"))?;
        ensure!(found == self.page()?, "{PAGE} is not current\nhelp: run `cargo xtask conformance`");
        Ok(())
    }

    fn page(&self) -> anyhow::Result<String> {
        render(&self.template, &self.requirements, &self.exceptions, &self.found.evidence).context(TEMPLATE)
    }
}

/// Finds the evidence in a file.
fn scan_file(root: &Path, file: &str, text: &str) -> Found {
    let mut found = scan_text(file, text);
    let is_compiled = || root.join(file).with_extension("stderr").is_file();
    if found.evidence.iter().any(|one| one.kind == Kind::Type) && !is_compiled() {
        found.problems.push(format!("{file}: no test compiles this file, because no `.stderr` file is beside it"));
    }
    found
}

/// Returns the files below a folder with one of these extensions, sorted, as paths from the root.
fn files(root: &Path, folder: &str, extensions: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("failed to list {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let extension = Path::new(&path).extension().and_then(|extension| extension.to_str());
        if entry.file_type()?.is_dir() {
            found.extend(files(root, &path, extensions)?);
        } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
