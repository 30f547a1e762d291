//! All errors in a description file are reported, each with its place in the file.

aerostat_spec::virtio_spec!("vspec/errors.vspec");

fn main() {}
