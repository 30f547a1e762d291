//! Makes a field that depends on a feature from the proof that the feature was negotiated.
//!
//! * read_only_field_written: if the field depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof
//! * poison_val_when_live: if the field depends on a feature, `given(proof)` makes it; `accepted().proof(…)` returns the proof

use aerostat_balloon::features;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, FeaturesOk, Transport};

features! {
    struct Declared { PagePoison: Required }
}

fn poison<T: Transport>(device: &Device<T, balloon::Device, FeaturesOk<Declared>>) {
    let proof = device.accepted().proof(PagePoison);
    let _ = device.set(config::PoisonVal::given(proof), 0);
}

fn main() {}
