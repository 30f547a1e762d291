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
    let target = Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: None };
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

#[test]
fn documentation_refers_to_the_line_in_the_file() {
    let text = "module lamp {\n    enum mode: u8 { on }\n    struct step {\n        time: u8,\n    }\n}\n";
    let target =
        Target { krate: quote!(::aerostat_spec), spans: Spans::CallSite, path: Some("vspec/lamp.vspec".into()) };
    let code = compile_text(&Source { path: "lamp.vspec", text }, &target).expect("a valid description").to_string();
    for line in [1, 2, 3] {
        assert!(code.contains(&format!("Description: `vspec/lamp.vspec`, line {line}.")), "{line}: {code}");
    }
}

/// The transport's test of the chapter counts the accesses.
#[test]
fn documentation_states_the_register_accesses_that_read_an_entry() {
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec/input.vspec");
    let code = expand(&description);
    assert!(code.contains("/// These are at most 129 register accesses."), "{code}");
}
