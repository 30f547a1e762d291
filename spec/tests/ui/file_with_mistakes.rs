//! The mistakes of a description file are all told, each with its place in the file.

aerostat_spec::virtio_spec!("vspec/mistakes.vspec");

fn main() {}
