//! What must not compile, with the messages that are kept beside each case.
//!
//! The messages are the same for all targets, and the cases are compiled against an installed standard library, which a
//! foreign target may not have: these tests are for the host's.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

use std::path::Path;

#[test]
fn illegal_use_does_not_compile() {
    lay_out_description_files();
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// The cases are compiled in a crate of their own, in whose folder the macro looks for description files.
fn lay_out_description_files() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder in the target folder");
    let vspec = target.join("tests/trybuild/aerostat-spec/vspec");
    std::fs::create_dir_all(&vspec).expect("a writable target folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/mistakes.vspec");
    std::fs::copy(source, vspec.join("mistakes.vspec")).expect("a writable target folder");
}
