//! Comparison of a chapter of the book with the code.

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
