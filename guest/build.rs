//! Passes the link script of the architecture to the linker. A build for a hosted target is linked like any program.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") != "none" {
        return;
    }
    let folder = variable("CARGO_MANIFEST_DIR");
    let script = format!("{folder}/{}.ld", variable("CARGO_CFG_TARGET_ARCH"));
    for file in [&script, &format!("{folder}/device-tree.ld")] {
        println!("cargo::rerun-if-changed={file}");
    }
    // The image is loaded at the address that it is linked for. Without relocation at run time it needs neither PIE nor RELRO.
    for argument in [&format!("--script={script}"), &format!("-L{folder}"), "--no-pie", "-znorelro", "--build-id=none"]
    {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
