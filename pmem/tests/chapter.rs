//! Compares the chapters "A driver with requests" and "Testing a driver" of the book with this crate.

use std::path::Path;

use aerostat_test_support::chapter::{check_included, lines_of_code};
use aerostat_test_support::expected::ExpectedFiles;

/// The files of the driver. The last one has the driver itself.
const FILES: [&str; 3] = ["src/lib.rs", "src/error.rs", "src/driver.rs"];
/// Maximum number of lines of code of `src/driver.rs`.
const MAX_LINES: usize = 120;

/// `BLESS=1` updates the table of the chapter.
#[test]
fn the_chapter_has_the_correct_line_counts() {
    let (table, lines) = lines_of_code("pmem", &FILES);
    assert!(lines[2] < MAX_LINES, "the driver has {} lines of code", lines[2]);
    let mut expected = ExpectedFiles::default();
    expected.compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/requests-lines.md"), &table);
    expected.finish();
}

#[test]
fn all_included_anchors_exist() {
    for (chapter, least) in [("requests.md", 9), ("testing-a-driver.md", 8)] {
        assert!(check_included(chapter) >= least, "{chapter} includes the code");
    }
}
