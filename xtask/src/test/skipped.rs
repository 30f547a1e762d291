//! Tests that were skipped, with their reasons. The test harness cannot skip a test while it runs, so it writes to a file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The environment variable with the name of the file. A test that is skipped appends a line with its name and the reason.
pub(super) const VARIABLE: &str = "AEROSTAT_SKIPPED";

/// The file.
#[derive(Debug)]
pub(crate) struct Skipped {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Skipped {
    pub(super) fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self { file: folder.path().join("skipped"), _folder: folder })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the lines of the file.
    pub(super) fn list(&self) -> io::Result<Vec<String>> {
        match fs::read_to_string(&self.file) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
