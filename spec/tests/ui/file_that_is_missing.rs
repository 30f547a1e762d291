//! A description file that cannot be read is named.

aerostat_spec::virtio_spec!("vspec/nowhere.vspec");

aerostat_spec::virtio_spec!(nowhere);

fn main() {}
