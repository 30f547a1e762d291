//! Each `ui/*.vspec` is a description with mistakes; the messages must be those in the `.stderr` beside it.
//! `BLESS=1` writes them.

mod kept;

use std::path::{Path, PathBuf};

use aerostat_codegen::{Source, parse_text};

#[test]
fn every_mistake_is_told_as_kept() {
    let mut kept = kept::Kept::default();
    for path in kept::files(&folder(), "vspec") {
        let text = std::fs::read_to_string(&path).expect("a readable case");
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let found = match parse_text(&Source { path: &name, text: &text }) {
            Ok(_) => "no mistakes".to_owned(),
            Err(messages) => messages.join("\n\n"),
        };
        assert_ne!(found, "no mistakes", "{name} is there for its mistakes");
        kept.compare(&path.with_extension("stderr"), &(found + "\n"));
    }
    kept.finish();
}

#[test]
fn no_kept_message_is_left_over() {
    let mut left = kept::files(&folder(), "stderr");
    left.retain(|path| !path.with_extension("vspec").exists());
    assert_eq!(left, Vec::<PathBuf>::new());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}
