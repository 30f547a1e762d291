//! Code that must not compile, with the compiler messages.
//!
//! To update the messages, run `TRYBUILD=overwrite cargo test -p aerostat-entropy --test compile_fail` and review them.

#[test]
fn incorrect_use_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
