//! The message for a missing description file has the path.

aerostat_spec::virtio_spec!("vspec/nowhere.vspec");

aerostat_spec::virtio_spec!(nowhere);

fn main() {}
