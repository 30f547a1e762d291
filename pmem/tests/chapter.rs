//! Compares the chapters "A driver with requests" and "Testing a driver" of the book with this crate.

use std::fmt::Write as _;
use std::path::Path;

use aerostat_test_support::expected::ExpectedFiles;

/// The files of the driver.
const FILES: [&str; 3] = ["src/lib.rs", "src/driver.rs", "src/error.rs"];
/// Maximum number of lines of code of `src/driver.rs`.
const MAX_LINES: usize = 120;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Counts the lines that are neither empty nor comments.
fn lines_of_code(text: &str) -> usize {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    text.lines().filter(is_code).count()
}

/// `BLESS=1` updates the table of the chapter.
#[test]
fn the_chapter_has_the_correct_line_counts() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from("| file | lines of code |\n|---|---|\n");
    for file in FILES {
        let lines = lines_of_code(&text(&crate_folder.join(file)));
        writeln!(table, "| `pmem/{file}` | {lines} |").unwrap();
        assert!(file != "src/driver.rs" || lines < MAX_LINES, "the driver has {lines} lines of code");
    }
    let sources = std::fs::read_dir(crate_folder.join("src")).unwrap().count();
    assert_eq!(sources, FILES.len(), "the table must list every file");
    let mut expected = ExpectedFiles::default();
    expected.compare(&crate_folder.join("../docs/src/requests-lines.md"), &table);
    expected.finish();
}

#[test]
fn all_included_anchors_exist() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src");
    for (chapter, least) in [("requests.md", 7), ("testing-a-driver.md", 6)] {
        let chapter = text(&book.join(chapter));
        let included = chapter.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next());
        let included: Vec<&str> = included.collect();
        assert!(included.len() >= least, "the chapter includes the code: {included:?}");
        for included in included {
            let (file, anchor) = included.split_once(':').map_or((included, None), |(file, it)| (file, Some(it)));
            let Some(anchor) = anchor else { continue };
            let text = text(&book.join(file));
            let has = |line: String| text.lines().any(|other| other.trim() == line);
            let found = has(format!("// ANCHOR: {anchor}")) && has(format!("// ANCHOR_END: {anchor}"));
            assert!(found, "{included}");
        }
    }
}
