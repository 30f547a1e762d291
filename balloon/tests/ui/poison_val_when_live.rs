//! `poison_val` is written before DRIVER_OK and not changed after it.
// conformance: balloon.poison.3
use aerostat_balloon::features;
use aerostat_balloon::spec::balloon::feature::PagePoison;
use aerostat_balloon::spec::balloon::{self, config};
use aerostat_balloon::transport::{Device, Live, Transport};

features! {
    struct Declared { PagePoison: Required }
}

fn poison<T: Transport>(device: &Device<T, balloon::Device, Live<Declared>>) {
    let poison_val = config::PoisonVal::given(device.accepted().proof(PagePoison));
    let _ = device.config().write(poison_val, 0xaaaa_aaaa);
    let _ = device.set(poison_val, 0xaaaa_aaaa);
}

fn main() {}
