//! What must not compile, with the message that its author gets. The messages are written by
//! `TRYBUILD=overwrite cargo test -p aerostat-balloon --test compile_fail` and then read.
//!
//! The messages are the same for all targets, and the cases are compiled against an installed standard library, which a
//! foreign target may not have: these tests are for the host's.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

#[test]
fn what_must_not_compile_does_not() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
