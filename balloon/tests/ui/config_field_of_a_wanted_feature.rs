//! Of a wanted feature there may be no proof: it has to be looked at.

use aerostat_balloon::Undeclared;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::spec::{Optional, WithFeature};
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

type Declared = <Undeclared as WithFeature<PagePoison, Optional>>::Out;

fn poison<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<Declared>>) {
    let proof = device.accepted().proof(PagePoison);
    let _ = device.set(config::PoisonVal::given(proof), 0);
}

fn main() {}
