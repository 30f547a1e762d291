//! Compiles all descriptions of the workspace.

use std::path::Path;

use aerostat_codegen::{Source, parse_text};
use aerostat_test_support::expected::files;

#[test]
fn descriptions_have_no_errors() {
    let mut errors = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let of_drivers = root.join("entropy/entropy.vspec");
    for path in files(&root.join("spec/vspec"), "vspec").into_iter().chain([of_drivers]) {
        let text = std::fs::read_to_string(&path).expect("a readable description");
        let name = path.display().to_string();
        errors.extend(parse_text(&Source { path: &name, text: &text }).err().unwrap_or_default());
    }
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
}
