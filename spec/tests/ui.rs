//! Code that must not compile, with the expected messages in the `.stderr` file beside each case.
//!
//! The tests run only on the host: the cases need an installed standard library, which other targets may lack.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

use std::path::Path;

#[test]
fn invalid_code_does_not_compile() {
    copy_description_files();
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Trybuild compiles the cases in a crate of its own, and the macro looks for description files in its folder.
fn copy_description_files() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a parent of the temporary folder");
    let vspec = target.join("tests/trybuild/aerostat-spec/vspec");
    std::fs::create_dir_all(&vspec).expect("a writable target folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/errors.vspec");
    std::fs::copy(source, vspec.join("errors.vspec")).expect("a writable target folder");
}
