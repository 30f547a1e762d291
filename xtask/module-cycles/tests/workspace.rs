//! The crates of the workspace have no import cycles between their files.

use std::path::Path;

use xtask_module_cycles::Graph;

/// The root files of the crates.
const CRATES: &[&str] = &[
    "adapters/src/lib.rs",
    "balloon/src/lib.rs",
    "benches/end-to-end/src/main.rs",
    "codegen/macros/src/lib.rs",
    "codegen/src/lib.rs",
    "device/src/lib.rs",
    "entropy/src/lib.rs",
    "fuzz/src/lib.rs",
    "guest/src/lib.rs",
    "guest/src/main.rs",
    "pmem/src/lib.rs",
    "spec/src/lib.rs",
    "transport/src/lib.rs",
    "xtask/build/src/lib.rs",
    "xtask/common/src/lib.rs",
    "xtask/conformance/src/lib.rs",
    "xtask/demo/src/lib.rs",
    "xtask/install/src/lib.rs",
    "xtask/module-cycles/src/lib.rs",
    "xtask/qemu/src/lib.rs",
    "xtask/src/main.rs",
];

/// Crates that still have cycles. Entries may only be removed.
const KNOWN_CYCLES: &[&str] = &[];

#[test]
fn crates_have_no_import_cycles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut problems = Vec::new();
    for name in CRATES {
        let cycles = Graph::of_crate(&root.join(name)).unwrap().cycles();
        match (cycles.is_empty(), KNOWN_CYCLES.contains(name)) {
            (true, true) => problems.push(format!("{name} has no cycles any more: remove it from KNOWN_CYCLES")),
            (false, false) => problems.extend(cycles.iter().map(ToString::to_string)),
            _ => {}
        }
    }
    let text = problems.join("\n").replace(&format!("{}/", root.display()), "");
    assert!(problems.is_empty(), "\n{text}");
    assert!(KNOWN_CYCLES.iter().all(|name| CRATES.contains(name)), "KNOWN_CYCLES names an unknown crate");
}
