//! A feature that was not declared is refused, and nothing depends on it.

use aerostat_balloon::features;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

type Declared = features! { MustTellHost: Required };

fn poison<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<Declared>>) {
    let proof = device.accepted().proof(PagePoison);
    let _ = device.set(config::PoisonVal::given(proof), 0);
}

fn main() {}
