//! Compares generated code with `snapshots/*.rs`. `BLESS=1` updates these files.
//!
//! The balloon's description is the one in `aerostat-spec`. Each other description in `snapshots/` shows one part of the
//! language.

use std::path::{Path, PathBuf};

use aerostat_codegen::{Source, Spans, Target, compile_text};
use aerostat_test_support::expected::{ExpectedFiles, files};
use quote::quote;

/// Returns the generated code of a description, formatted.
fn expand(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a readable description");
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite };
    let tokens = compile_text(&Source { path: "description", text: &text }, &target)
        .unwrap_or_else(|messages| panic!("{}:\n{}", path.display(), messages.join("\n")));
    prettyplease::unparse(&syn::parse2(tokens).expect("a file of Rust"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

#[test]
fn balloon_matches_the_snapshot() {
    let mut expected = ExpectedFiles::default();
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec/balloon.vspec");
    expected.compare(&folder().join("balloon.rs"), &expand(&description));
    expected.finish();
}

#[test]
fn parts_of_the_language_match_the_snapshots() {
    let mut expected = ExpectedFiles::default();
    for path in files(&folder(), "vspec") {
        expected.compare(&path.with_extension("rs"), &expand(&path));
    }
    expected.finish();
}

#[test]
fn every_snapshot_has_a_description() {
    let mut orphans = files(&folder(), "rs");
    orphans.retain(|path| !path.ends_with("balloon.rs") && !path.with_extension("vspec").exists());
    assert_eq!(orphans, Vec::<PathBuf>::new());
}
