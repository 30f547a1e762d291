//! Links the programs without the kernel around them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    // The kernel's functions are other code. What the kernel would call is kept.
    let kept =
        ["interrupt", "work", "out_of_memory", "migrate", "sleep"].map(|function| format!("--undefined={function}"));
    for argument in ["--unresolved-symbols=ignore-all", "--gc-sections", "--no-pie"]
        .into_iter()
        .chain(kept.iter().map(String::as_str))
    {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
