//! A change of a description file makes Cargo compile what was made from it again.

mod bindings {
    aerostat_spec::virtio_spec!("vspec/status.vspec");
}

#[test]
fn the_description_file_is_among_the_sources() {
    assert_eq!(bindings::status::Status::new().with_driver(true).into_bits(), 2);
    // The compiler lists the sources of a program in a file beside it, from which Cargo knows when to run it again.
    let list = std::env::current_exe().expect("the path of this test").with_extension("d");
    let sources = std::fs::read_to_string(&list).expect("the list of the sources of this test");
    assert!(sources.contains("status.vspec"), "{} lists {sources}", list.display());
}
