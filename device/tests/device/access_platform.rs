//! A device behind an IOMMU: ACCESS_PLATFORM.

use std::alloc::Layout;
use std::time::Duration;

use aerostat_balloon::Frames;
use aerostat_device::{
    BalloonDevice, Builder, FreePageViolation, OwnershipViolation, PAGE_BYTES, QueueViolation, Registers,
    RingViolation, TestPlatform, Violation, When, features,
};
use aerostat_transport::{DeviceAddress, Dma, Io};

use super::raw_driver::{
    FEATURES_OK, FORMAT_FEATURES, INFLATE, REPORTING, RawDriver, assert_no_violations, builder, reg, start,
};

const FEATURES: u64 = features::VERSION_1 | features::ACCESS_PLATFORM | features::PAGE_REPORTING | FORMAT_FEATURES;
const LIMIT: Duration = Duration::from_secs(10);

/// Returns a live device whose driver has mapped the first `bytes` bytes of memory.
fn live(builder: Builder, bytes: usize) -> (BalloonDevice, RawDriver<Registers>, TestPlatform) {
    let device = builder.features(FEATURES).start().unwrap();
    let mut platform: TestPlatform = TestPlatform::of(&device).unwrap();
    let mut driver = RawDriver::new(device.registers(), device.memory());
    driver.mapped = platform.map(0, bytes).unwrap().0;
    assert_ne!(driver.mapped, 0);
    driver.accept_features(FEATURES);
    driver.set_up_queues(FEATURES);
    driver.set_driver_ok();
    (device, driver, platform)
}

#[test]
fn rings_and_buffers_use_device_addresses_and_pages_use_numbers() {
    let (device, mut driver, _platform) = live(builder().inline(), 8 << 20);
    driver.memory.fill(1024..1040, 1);
    driver.send(INFLATE, &[1024, 1025]);
    driver.add_run(REPORTING, 0, 1030..1032);
    driver.notify(REPORTING);
    assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (1, 1));
    assert_eq!(device.host_pages(), [1024, 1025].into());
    for page in 1024..1040 {
        assert_eq!(driver.memory.is_resident(page), ![1024, 1025, 1030, 1031].contains(&page), "{page}");
    }
    assert_no_violations(&device);
}

#[test]
fn physical_addresses_are_not_mapped() {
    let (device, mut driver) = start(builder().features(FEATURES).inline());
    driver.accept_features(FEATURES);
    driver.set_up_queue(INFLATE);
    let violations = device.violations();
    assert!(matches!(violations[0], Violation::Queue(QueueViolation::Address { queue: 0, .. })), "{violations:?}");
    let address = RawDriver::<Registers>::area(INFLATE);
    assert_eq!(violations[1], RingViolation::Unmapped { address, bytes: 128 }.into());
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
}

#[test]
fn partially_mapped_buffers_are_violations() {
    let (device, mut driver, _platform) = live(builder().inline(), 0x40_0000);
    driver.describe(INFLATE, 0, 0x40_0000 - 4, 8, 0, 0);
    driver.add_head(INFLATE, 0);
    driver.notify(INFLATE);
    let violations = device.violations();
    assert_eq!(violations[0], RingViolation::BrokenChain { queue: INFLATE, head: 0 }.into());
    assert_eq!(violations[1], RingViolation::Unmapped { address: driver.mapped + 0x40_0000 - 4, bytes: 8 }.into());

    let (device, mut driver, _platform) = live(builder().inline(), 0x40_0000);
    driver.add_run(REPORTING, 0, 1023..1025);
    driver.notify(REPORTING);
    let address = driver.mapped + 1023 * PAGE_BYTES;
    let range = FreePageViolation::Range { queue: REPORTING, address, bytes: 8192 };
    assert_eq!(device.violations()[..2], [range.into(), RingViolation::Unmapped { address, bytes: 8192 }.into()]);
}

#[test]
fn buffers_have_to_stay_mapped_until_completion() {
    let (device, mut driver, mut platform) = live(builder().manual(), 8 << 20);
    let array = RawDriver::<Registers>::array(INFLATE, 0);
    let mapped = platform.map(array, 4).unwrap();
    driver.add_array(INFLATE, 0, &[1024]);
    // The same array at the device address of its own mapping.
    let all = std::mem::replace(&mut driver.mapped, mapped.0 - array);
    driver.describe(INFLATE, 1, array, 4, 0, 0);
    driver.mapped = all;
    driver.add_head(INFLATE, 1);
    driver.notify(INFLATE);
    assert!(device.step());
    // SAFETY: the device checks each access.
    unsafe { platform.unmap(array, 4) };
    device.settle(LIMIT).unwrap();
    assert!(device.violations().contains(&RingViolation::Unmapped { address: mapped.0, bytes: 4 }.into()));
    assert_eq!(driver.used_index(INFLATE), 2);
}

#[test]
fn access_to_an_unmapped_ring_is_a_violation() {
    let (device, mut driver, mut platform) = live(builder().inline(), 8 << 20);
    // SAFETY: the device checks each access.
    unsafe { platform.unmap(0, 8 << 20) };
    driver.send(INFLATE, &[1024]);
    assert!(matches!(device.violations()[..], [Violation::Ring(RingViolation::Unmapped { .. }), ..]));
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
}

#[test]
fn the_device_rejects_drivers_without_the_feature() {
    let (device, mut driver) = start(builder().features(FEATURES).inline());
    assert_eq!(driver.negotiate(FEATURES & !features::ACCESS_PLATFORM) & FEATURES_OK, 0);
    assert_no_violations(&device);
}

#[test]
fn the_platform_checks_mappings() {
    let device = builder().features(FEATURES).inline().start().unwrap();
    let mut platform: TestPlatform = TestPlatform::of(&device).unwrap();
    let ledger = platform.ledger();
    let region = platform.alloc(Layout::from_size_align(64, 64).unwrap()).unwrap();
    let physical = region.physical();
    let mapped = platform.map(physical, 64).unwrap();
    assert_eq!((mapped.0 % 64, ledger.mappings()), (0, 1));
    assert_ne!(mapped, DeviceAddress(physical));
    // SAFETY: the device checks each access.
    unsafe { platform.unmap(physical, 32) };
    assert_eq!(ledger.violations(), [OwnershipViolation::NotMapped { physical, bytes: 32 }]);
    platform.free(region);
    assert_eq!(ledger.violations()[1..], [OwnershipViolation::StillMapped { physical, bytes: 64 }]);
    assert!(!ledger.all_returned());
    // SAFETY: the device checks each access.
    unsafe { platform.unmap(physical, 64) };
    assert!(ledger.all_returned());

    let run = platform.allocate(1).unwrap();
    let physical = run.address();
    platform.map(physical, 4096).unwrap();
    platform.deallocate(run);
    assert_eq!(ledger.violations()[2..], [OwnershipViolation::StillMapped { physical, bytes: 4096 }]);
    ledger.fail_mappings(Some(When::At(1)));
    assert_eq!([0, 1, 2].map(|_| platform.map(0, 1).is_some()), [true, false, true]);
}

#[test]
fn without_an_iommu_device_addresses_are_physical() {
    let device = builder().inline().start().unwrap();
    let mut platform: TestPlatform = TestPlatform::of(&device).unwrap();
    assert_eq!(platform.map(0x1234, 5), Some(DeviceAddress(0x1234)));
    // SAFETY: the device checks each access.
    unsafe { platform.unmap(0x1234, 5) };
    assert_eq!((platform.ledger().mappings(), platform.ledger().violations()), (0, vec![]));
}
