//! Expected files that are kept beside the tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Compares outcomes with kept files, and tells of all differences at the end.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    compared: usize,
    differences: String,
}

impl Kept {
    /// The outcome must be what the file holds. With `BLESS=1` the file is written instead.
    pub(crate) fn compare(&mut self, path: &Path, found: &str) {
        self.compared += 1;
        if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
            std::fs::write(path, found).expect("a writable folder");
            return;
        }
        let result = match std::fs::read_to_string(path) {
            Ok(expected) if expected == found => Ok(()),
            Ok(expected) => writeln!(
                self.differences,
                "{} does not match.\n--- kept ---\n{expected}--- found ---\n{found}",
                path.display()
            ),
            Err(error) => writeln!(self.differences, "{}: {error}\n--- found ---\n{found}", path.display()),
        };
        result.expect("writing to a string");
    }

    /// Fails when something differed, or when there was nothing to compare.
    pub(crate) fn finish(self) {
        assert!(self.compared > 0, "there are no cases");
        assert!(self.differences.is_empty(), "{}\nRun with BLESS=1 to keep what was found.", self.differences);
    }
}

/// The files of a folder with this extension, in order of their names.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}
