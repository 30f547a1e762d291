//! What must not compile, with the message that its author gets. The messages are written by
//! `TRYBUILD=overwrite cargo test -p aerostat-entropy --test compile_fail` and then read.

#[test]
fn what_must_not_compile_does_not() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
