//! The proof of an optional feature is an `Option`, which has to be matched.
// conformance: core.config.4, balloon.config.4
use aerostat_balloon::features;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

features! {
    struct Declared { PagePoison: Optional }
}

fn poison<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<Declared>>) {
    let proof = device.accepted().proof(PagePoison);
    let _ = device.set(config::PoisonVal::given(proof), 0);
}

fn main() {}
