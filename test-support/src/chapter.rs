//! Comparison of a chapter of the book with the code.

use std::fmt::Write as _;
use std::path::Path;

/// Returns the first cells of a table in a chapter, and the rows. The table is between the lines `<!-- begin: name -->` and
/// `<!-- end: name -->`.
///
/// # Panics
///
/// If the chapter does not have the table.
pub fn table(chapter: &str, name: &str) -> Vec<(String, String)> {
    let text = read(&format!("docs/src/{chapter}"));
    let (_, rest) = text.split_once(&format!("<!-- begin: {name} -->\n")).expect("the table begins");
    let (table, _) = rest.split_once(&format!("<!-- end: {name} -->")).expect("the table ends");
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| (row.split('|').nth(1).unwrap_or_default().trim().to_owned(), row.to_owned())).collect()
}

/// Returns the text of a file of this repository.
///
/// # Panics
///
/// If it cannot be read.
pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Checks that the files that a chapter includes exist, and have the anchors. Returns the number of included parts.
///
/// # Panics
///
/// If one does not exist.
pub fn check_included(chapter: &str) -> usize {
    let chapter = read(&format!("docs/src/{chapter}"));
    let included = chapter.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next());
    let check = |included: &str| {
        let (file, anchor) = included.split_once(':').map_or((included, None), |(file, it)| (file, Some(it)));
        let text = read(&format!("docs/src/{file}"));
        let has = |line: String| text.lines().any(|other| other.trim() == line);
        if let Some(anchor) = anchor {
            let has_both = has(format!("// ANCHOR: {anchor}")) && has(format!("// ANCHOR_END: {anchor}"));
            assert!(has_both, "{included}");
        }
    };
    included.map(check).count()
}

/// Returns a table of the lines of code of the files of a crate, with their numbers: lines that are neither empty nor comments.
///
/// # Panics
///
/// If a file cannot be read, or the crate has another file in `src`.
pub fn lines_of_code(folder: &str, files: &[&str]) -> (String, Vec<usize>) {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    let mut table = String::from("| file | lines of code |\n|---|---|\n");
    let mut numbers = Vec::new();
    for file in files {
        let lines = read(&format!("{folder}/{file}")).lines().filter(is_code).count();
        let _ = writeln!(table, "| `{folder}/{file}` | {lines} |");
        numbers.push(lines);
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src");
    let sources = std::fs::read_dir(sources).map_or(0, Iterator::count);
    let listed = files.iter().filter(|file| file.starts_with("src/")).count();
    assert_eq!(sources, listed, "the table must list every file of {folder}/src");
    (table, numbers)
}

/// Returns rows of a table: the name of each type, and whether it is `Send` and `Sync`.
#[macro_export]
macro_rules! send_and_sync {
    ($($name:literal: $type:ty,)*) => {{
        struct Probe<T>(core::marker::PhantomData<T>);
        // An inherent constant, which exists if the bound holds, hides that of the trait.
        trait Otherwise {
            const SEND: &str = "no";
            const SYNC: &str = "no";
        }
        impl<T> Otherwise for Probe<T> {}
        impl<T: Send> Probe<T> {
            const SEND: &str = "yes";
        }
        impl<T: Sync> Probe<T> {
            const SYNC: &str = "yes";
        }
        [$({
            let name = format!("`{}`", $name.replace(", ", "`, `"));
            let row = format!("| {name} | {} | {} |", Probe::<$type>::SEND, Probe::<$type>::SYNC);
            (name, row)
        },)*]
    }};
}
