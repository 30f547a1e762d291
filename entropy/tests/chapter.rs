//! The book's chapter "Writing a driver", held against the crate that it shows.

#[allow(dead_code, reason = "only one of its functions is needed here")]
#[path = "../../codegen/tests/kept/mod.rs"]
mod kept;

use std::fmt::Write as _;
use std::path::Path;

/// What the driver is made of.
const FILES: [&str; 4] = ["entropy.vspec", "src/lib.rs", "src/driver.rs", "src/error.rs"];
/// Lines of code that a driver of a simple device may have.
const MOST: usize = 150;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines that are neither empty nor comments.
fn code(text: &str) -> usize {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    text.lines().filter(is_code).count()
}

/// `BLESS=1` writes the number of lines that the chapter states.
#[test]
fn the_chapter_states_how_long_the_driver_is() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from("| file | lines of code |\n|---|---|\n");
    let mut total = 0;
    for file in FILES {
        let lines = code(&text(&crate_folder.join(file)));
        total += lines;
        writeln!(table, "| `entropy/{file}` | {lines} |").unwrap();
    }
    writeln!(table, "| all | **{total}** |").unwrap();
    assert!(total < MOST, "the driver has {total} lines of code");
    let sources = std::fs::read_dir(crate_folder.join("src")).unwrap().count();
    assert_eq!(sources + 1, FILES.len(), "no file is left out");
    let mut kept = kept::Kept::default();
    kept.compare(&crate_folder.join("../docs/src/writing-a-driver-lines.md"), &table);
    kept.finish();
}

#[test]
fn what_the_chapter_includes_is_there() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src");
    let chapter = text(&book.join("writing-a-driver.md"));
    let included: Vec<&str> = chapter.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
    assert!(included.len() > 10, "the chapter shows all of the driver");
    for included in included {
        let (file, anchor) = included.split_once(':').map_or((included, None), |(file, anchor)| (file, Some(anchor)));
        let text = text(&book.join(file));
        let has = |line: String| text.lines().any(|found| found.trim() == line);
        if let Some(anchor) = anchor {
            let there = has(format!("// ANCHOR: {anchor}")) && has(format!("// ANCHOR_END: {anchor}"));
            assert!(there, "{included}");
        }
    }
}
