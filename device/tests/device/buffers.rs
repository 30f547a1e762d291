//! Buffers from the driver to the device and back.

use std::time::Duration;

use aerostat_device::{GuestMemory, MemoryLayout, PAGE_BYTES};

use super::raw_driver::{DEFLATE, DRIVER_OK, INFLATE, Used, assert_no_violations, builder, live, live_8_mib, start};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn inflation_discards_memory_and_deflation_returns_it() {
    let (device, mut driver) = live_8_mib();
    let pages: Vec<u32> = (1024..1280).collect();
    driver.memory.fill(1024..1280, 0x77);
    let full = driver.memory.resident_bytes();
    driver.send(INFLATE, &pages);
    assert_eq!(driver.memory.resident_bytes(), full - 256 * PAGE_BYTES);
    assert_eq!(device.host_pages(), pages.iter().copied().collect());
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 0, written: 0 }]);

    driver.send(DEFLATE, &pages);
    assert_eq!(device.host_page_count(), 0);
    driver.memory.fill(1024..1280, 0x77);
    assert_eq!(driver.memory.resident_bytes(), full);
    assert_no_violations(&device);
}

#[test]
fn disabled_interrupts_are_not_raised() {
    let (device, mut driver) = live_8_mib();
    driver.set_available_flags(INFLATE, 1);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.interrupt_line().count()), (1, 0));
    driver.set_available_flags(INFLATE, 0);
    driver.send(INFLATE, &[1025]);
    assert_eq!(device.interrupt_line().count(), 1);
}

#[test]
fn two_devices_can_share_guest_memory() {
    let memory = GuestMemory::new(8 << 20).unwrap();
    for _ in 0..2 {
        let (device, mut driver) = live(builder().shared_memory(&memory));
        driver.send(INFLATE, &[1024]);
        assert_eq!(device.status() & DRIVER_OK, DRIVER_OK);
        assert_no_violations(&device);
    }
}

#[test]
fn a_threaded_device_interrupts_after_each_buffer() {
    let (device, mut driver) = start(builder().threaded());
    driver.bring_up();
    let line = device.interrupt_line();
    for page in 1024..1100 {
        let seen = line.count();
        driver.send(INFLATE, &[page]);
        line.wait(seen, LIMIT).unwrap();
    }
    device.settle(LIMIT).unwrap();
    assert_eq!(device.host_page_count(), 76);
    assert_no_violations(&device);
}

#[test]
fn rings_use_bus_addresses_and_pages_use_numbers() {
    let layout = MemoryLayout { base: 0, bytes: 8 << 20, bus_offset: 0x1_0000_0000 };
    let (device, mut driver) = live(builder().memory_at(layout));
    driver.memory.fill(1024..1026, 1);
    driver.send(INFLATE, &[1024]);
    assert!(!driver.memory.is_resident(1024) && driver.memory.is_resident(1025));
    assert_no_violations(&device);
}
