aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { party = 64 }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp { lamp::feature::Party: Optional }
}

fn main() {}
