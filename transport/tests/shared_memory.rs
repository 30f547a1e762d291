//! Shared memory regions over MMIO.
#![cfg(target_pointer_width = "64")]

use aerostat_test_support::SoftMmio;
use aerostat_transport::{Device, FeaturesOk, Mmio};

aerostat_spec::virtio_device! {
    device lamp = 42 {
        shared_memory { frame = 0, cache = 1, other = 7 }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp {}
}

fn device(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, lamp::Device, FeaturesOk<Declared>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).expect("the registers have a device");
    let device = Device::take(transport).map_err(|failed| failed.error).expect("the device resets");
    device
        .poll()
        .expect("the reset has finished")
        .acknowledge()
        .driver()
        .negotiate()
        .map_err(|failed| failed.error)
        .expect("nothing is required")
}

#[test]
fn region_has_the_address_and_length_of_the_device() {
    let soft = SoftMmio::new(42);
    soft.model().shared_memory = vec![(0x1_0000_0000, 0x2000), (0xffff_ffff_ffff_f000, 0x1000)];
    let mut device = device(&soft);
    let frame = device.shared_memory(lamp::shared_memory::Frame).expect("the region exists");
    assert_eq!((frame.address(), frame.len()), (0x1_0000_0000, 0x2000));
    let cache = device.shared_memory(lamp::shared_memory::Cache).expect("the region ends with the address space");
    assert_eq!((cache.address(), cache.len()), (0xffff_ffff_ffff_f000, 0x1000));
    assert_eq!(device.shared_memory(lamp::shared_memory::Other), None);
    assert_eq!(soft.written(0x0ac), [0, 1, 7]);
}

#[test]
fn impossible_region_is_not_there() {
    for region in [(0x1000, 0), (0xffff_ffff_ffff_f000, 0x1001), (3, u64::MAX - 1)] {
        let soft = SoftMmio::new(42);
        soft.model().shared_memory = vec![region];
        assert_eq!(device(&soft).shared_memory(lamp::shared_memory::Frame), None, "{region:x?}");
    }
}
