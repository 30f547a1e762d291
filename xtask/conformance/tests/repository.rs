//! A small workspace whose page is not current, or whose annotations are wrong.

use std::{fs, path::Path};

use tempfile::TempDir;
use xtask_conformance::{PAGE, Repository};

const LIST: &str = "id\tsection\tlevel\tapplies\trequirement\na.b.1\tA / B\tMUST\talways\tDo it.\n\
                    a.b.2\tA / B\tMUST\talways\tDo that.\n";
const EXCEPTIONS: &str = "id\tkind\treason\na.b.2\tgap\tno test\n";
const TEST: &str = "// conformance: a.b.1\n#[test]\nfn works() {}\n";

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A workspace with a requirement that a test meets, and one that has no test.
fn workspace() -> TempDir {
    let folder = TempDir::new().unwrap();
    for other in ["spec/src/lib.rs", "transport/src/lib.rs", "device/src/lib.rs", "fuzz/src/lib.rs", PAGE] {
        write(folder.path(), other, "");
    }
    write(folder.path(), "docs/conformance/requirements.tsv", LIST);
    write(folder.path(), "docs/conformance/exceptions.tsv", EXCEPTIONS);
    write(folder.path(), "docs/conformance/template.md", "# Title\n\n<!-- generated: a -->\n");
    write(folder.path(), "balloon/tests/a.rs", TEST);
    folder
}

fn error(folder: &TempDir) -> String {
    format!("{:#}", Repository::read(folder.path()).and_then(|repository| repository.check_page()).unwrap_err())
}

#[test]
fn a_page_is_current_until_the_evidence_changes() {
    let folder = workspace();
    assert!(error(&folder).contains("is not current\nhelp: run `cargo xtask conformance`"));
    Repository::read(folder.path()).unwrap().write_page().unwrap();
    Repository::read(folder.path()).unwrap().check_page().unwrap();
    let page = fs::read_to_string(folder.path().join(PAGE)).unwrap();
    assert!(page.contains("* `a.b.1` **MUST** Do it.\n  * test: `balloon/tests/a.rs` `works`\n"), "{page}");
    write(folder.path(), "balloon/tests/a.rs", &TEST.replace("works", "renamed"));
    assert!(error(&folder).contains("is not current"));
}

#[test]
fn a_page_with_problems_is_not_written() {
    for (file, text, expected) in [
        ("spec/tests/b.rs", "// conformance: a.b.3\n#[test]\nfn b() {}\n", "the requirement `a.b.3` does not exist"),
        ("balloon/tests/a.rs", "/// a.b.1\n#[test]\nfn works() {}\n", "`a.b.1` has no evidence"),
        ("balloon/tests/a.rs", "// conformance: a.b.1\nfn helper() {}\n", "`helper` is not a test"),
        ("docs/conformance/exceptions.tsv", "id\tkind\treason\n", "`a.b.2` has no evidence"),
        ("transport/src/c.rs", "// conformance: construct a.b.2\nfn c() {}\n", "`a.b.2` has evidence and is not `gap`"),
        (
            "balloon/tests/ui/d.rs",
            "//! Why.\n// conformance: a.b.1\n",
            "balloon/tests/ui/d.rs: no test compiles this file",
        ),
        ("device/src/e.rs", "/// See a.b.7.\nfn e() {}\n", "device/src/e.rs: the requirement `a.b.7` does not exist"),
        ("docs/src/other.md", "As `a.b.8` says.\n", "docs/src/other.md: the requirement `a.b.8` does not exist"),
    ] {
        let folder = workspace();
        write(folder.path(), file, text);
        let message = error(&folder);
        assert!(message.contains(expected), "{file}: {message}");
        let repository = Repository::read(folder.path()).unwrap();
        assert!(repository.write_page().is_err());
        assert_eq!(fs::read_to_string(folder.path().join(PAGE)).unwrap(), "");
    }
}

#[test]
fn a_file_that_must_not_compile_is_evidence_with_its_messages() {
    let folder = workspace();
    write(folder.path(), "balloon/tests/a.rs", "");
    write(folder.path(), "balloon/tests/ui/d.rs", "//! Why.\n// conformance: a.b.1\n\nfn main() {}\n");
    write(folder.path(), "balloon/tests/ui/d.stderr", "error\n");
    Repository::read(folder.path()).unwrap().write_page().unwrap();
    let page = fs::read_to_string(folder.path().join(PAGE)).unwrap();
    assert!(page.contains("  * type: `balloon/tests/ui/d.rs`\n"), "{page}");
}
