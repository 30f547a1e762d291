//! Compares the chapter "Writing a driver" of the book with this crate.

use std::path::Path;

use aerostat_test_support::chapter::{check_included, lines_of_code};
use aerostat_test_support::expected::ExpectedFiles;

/// The files of the driver.
const FILES: [&str; 4] = ["entropy.vspec", "src/lib.rs", "src/driver.rs", "src/error.rs"];
/// Maximum number of lines of code of the driver.
const MAX_LINES: usize = 150;

/// `BLESS=1` updates the table of the chapter.
#[test]
fn the_chapter_has_the_correct_line_counts() {
    let (table, lines) = lines_of_code("entropy", &FILES);
    let total: usize = lines.iter().sum();
    assert!(total < MAX_LINES, "the driver has {total} lines of code");
    let mut expected = ExpectedFiles::default();
    let chapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/writing-a-driver-lines.md");
    expected.compare(&chapter, &format!("{table}| all | **{total}** |\n"));
    expected.finish();
}

#[test]
fn all_included_anchors_exist() {
    assert!(check_included("writing-a-driver.md") > 12, "the chapter includes the whole driver");
}
