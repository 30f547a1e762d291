//! Compares the diagnostics for each `ui/*.vspec` with the `.stderr` file beside it. `BLESS=1` updates these files.

use std::path::{Path, PathBuf};

use aerostat_codegen::{Source, parse_text};
use aerostat_test_support::expected::{ExpectedFiles, files};

#[test]
fn diagnostics_match_the_snapshots() {
    let mut expected = ExpectedFiles::default();
    for path in files(&folder(), "vspec") {
        let text = std::fs::read_to_string(&path).expect("a readable description");
        let name = path.file_name().expect("a file name").to_string_lossy().into_owned();
        let Err(messages) = parse_text(&Source { path: &name, text: &text }) else {
            panic!("{name} has no errors");
        };
        expected.compare(&path.with_extension("stderr"), &(messages.join("\n\n") + "\n"));
    }
    expected.finish();
}

#[test]
fn every_snapshot_has_a_description() {
    let mut orphans = files(&folder(), "stderr");
    orphans.retain(|path| !path.with_extension("vspec").exists());
    assert_eq!(orphans, Vec::<PathBuf>::new());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}
