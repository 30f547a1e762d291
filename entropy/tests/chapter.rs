//! Compares the chapter "Writing a driver" of the book with this crate.

use std::fmt::Write as _;
use std::path::Path;

use aerostat_test_support::expected::ExpectedFiles;

/// The files of the driver.
const FILES: [&str; 4] = ["entropy.vspec", "src/lib.rs", "src/driver.rs", "src/error.rs"];
/// Maximum number of lines of code of the driver.
const MAX_LINES: usize = 150;

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
    let mut total = 0;
    for file in FILES {
        let lines = lines_of_code(&text(&crate_folder.join(file)));
        total += lines;
        writeln!(table, "| `entropy/{file}` | {lines} |").unwrap();
    }
    writeln!(table, "| all | **{total}** |").unwrap();
    assert!(total < MAX_LINES, "the driver has {total} lines of code");
    let sources = std::fs::read_dir(crate_folder.join("src")).unwrap().count();
    assert_eq!(sources + 1, FILES.len(), "the table must list every file");
    let mut expected = ExpectedFiles::default();
    expected.compare(&crate_folder.join("../docs/src/writing-a-driver-lines.md"), &table);
    expected.finish();
}

#[test]
fn all_included_anchors_exist() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src");
    let chapter = text(&book.join("writing-a-driver.md"));
    let included: Vec<&str> = chapter.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
    assert!(included.len() > 10, "the chapter includes the whole driver");
    for included in included {
        let (file, anchor) = included.split_once(':').map_or((included, None), |(file, anchor)| (file, Some(anchor)));
        let text = text(&book.join(file));
        let has = |line: String| text.lines().any(|other| other.trim() == line);
        if let Some(anchor) = anchor {
            let found = has(format!("// ANCHOR: {anchor}")) && has(format!("// ANCHOR_END: {anchor}"));
            assert!(found, "{included}");
        }
    }
}
