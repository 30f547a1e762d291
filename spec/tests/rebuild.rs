//! A change of a description file makes Cargo rebuild the crates that use it.

mod bindings {
    aerostat_spec::virtio_spec!("vspec/status.vspec");
}

#[test]
fn description_file_is_a_source_file() {
    assert_eq!(bindings::status::Status::new().with_driver(true).into_bits(), 2);
    // rustc writes a list of the source files beside the program. Cargo uses it to decide when to rebuild.
    let list = std::env::current_exe().expect("the path of this test").with_extension("d");
    let sources = std::fs::read_to_string(&list).expect("the list of source files");
    assert!(sources.contains("status.vspec"), "{} lists {sources}", list.display());
}
