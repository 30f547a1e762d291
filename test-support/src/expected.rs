//! Files of expected output that lie beside the tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A comparison of outputs with files, which reports all differences at once.
#[derive(Debug, Default)]
pub struct ExpectedFiles {
    compared: usize,
    differences: String,
}

impl ExpectedFiles {
    /// Compares an output with the contents of a file. With `BLESS=1` writes the file instead.
    pub fn compare(&mut self, path: &Path, found: &str) {
        self.compared += 1;
        if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
            std::fs::write(path, found).expect("the folder is writable");
            return;
        }
        let result = match std::fs::read_to_string(path) {
            Ok(expected) if expected == found => Ok(()),
            Ok(expected) => writeln!(
                self.differences,
                "{} does not match.\n--- expected ---\n{expected}--- found ---\n{found}",
                path.display()
            ),
            Err(error) => writeln!(self.differences, "{}: {error}\n--- found ---\n{found}", path.display()),
        };
        result.expect("writing to a string does not fail");
    }

    /// Fails if an output differed, or if nothing was compared.
    pub fn finish(self) {
        assert!(self.compared > 0, "no output was compared");
        assert!(self.differences.is_empty(), "{}\nTo accept the output, run the test with BLESS=1.", self.differences);
    }
}

/// The files of a folder with this extension, sorted by name.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}
