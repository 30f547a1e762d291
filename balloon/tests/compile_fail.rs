//! Code that must not compile, with the messages that its author gets. `TRYBUILD=overwrite cargo test -p aerostat-balloon
//! --test compile_fail` writes the messages; read them before you commit them.
//!
//! The messages are the same for all targets. A foreign target may lack the standard library that the cases need, so these
//! tests run only on the usual hosts.
#![cfg(all(target_endian = "little", target_pointer_width = "64"))]

#[test]
fn wrong_use_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
    // Code that follows the advice of the messages.
    cases.pass("tests/ui/advice/*.rs");
}
