//! What descriptions expand to, held against `snapshots/*.rs`. `BLESS=1` writes them.
//!
//! The description of the balloon is that of `aerostat-spec`; the others in `snapshots/` show one feature each.

mod kept;

use std::path::{Path, PathBuf};

use aerostat_codegen::{Source, Spans, Target, compile_text};
use quote::quote;

/// The bindings of a description, as a formatted file.
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
fn the_balloon_expands_as_kept() {
    let mut kept = kept::Kept::default();
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vspec/balloon.vspec");
    kept.compare(&folder().join("balloon.rs"), &expand(&description));
    kept.finish();
}

#[test]
fn each_part_of_the_language_expands_as_kept() {
    let mut kept = kept::Kept::default();
    for path in kept::files(&folder(), "vspec") {
        kept.compare(&path.with_extension("rs"), &expand(&path));
    }
    kept.finish();
}

#[test]
fn no_snapshot_is_left_over() {
    let mut left = kept::files(&folder(), "rs");
    left.retain(|path| !path.ends_with("balloon.rs") && !path.with_extension("vspec").exists());
    assert_eq!(left, Vec::<PathBuf>::new());
}
