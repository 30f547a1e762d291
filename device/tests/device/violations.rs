//! Violations of the rules of registers, initialization, queues and arrays.

use aerostat_device::{
    Access, BalloonDevice, ConfigViolation, Event, PageViolation, QueueViolation, RegisterViolation, Registers,
    RingViolation, StatusViolation, features,
};
use aerostat_transport::Io;

use super::raw_driver::{
    ACKNOWLEDGE, DEFLATE, DRIVER, DRIVER_OK, FEATURES_OK, INFLATE, RawDriver, assert_no_violations, assert_violations,
    live, live_8_mib, reg, start,
};

/// Returns a device that has been identified only.
fn identified() -> (BalloonDevice, RawDriver<Registers>) {
    let (device, driver) = start(BalloonDevice::builder().memory(8 << 20).inline());
    driver.identify();
    (device, driver)
}

/// Returns a device after feature negotiation.
fn negotiated() -> (BalloonDevice, RawDriver<Registers>) {
    let (device, mut driver) = identified();
    driver.negotiate(features::VERSION_1);
    (device, driver)
}

#[test]
fn undefined_registers() {
    let (device, driver) = identified();
    driver.io.read32(0x0c);
    driver.io.read32(0x18);
    driver.io.write32(0x108, 1);
    assert_violations(
        &device,
        [
            RegisterViolation::Undefined { access: Access::Read, offset: 0x18 },
            RegisterViolation::Undefined { access: Access::Write, offset: 0x108 },
        ],
    );
}

#[test]
fn registers_that_are_not_implemented() {
    let (device, driver) = identified();
    assert_eq!(driver.io.read32(reg::SHM_LEN), u32::MAX);
    assert_violations(&device, [RegisterViolation::NotImplemented { access: Access::Read, offset: reg::SHM_LEN }]);
}

#[test]
fn wrong_direction() {
    let (device, driver) = identified();
    driver.io.write32(reg::MAGIC, 1);
    driver.io.read32(reg::QUEUE_NOTIFY);
    assert_violations(
        &device,
        [
            RegisterViolation::WrongDirection { access: Access::Write, offset: reg::MAGIC },
            RegisterViolation::WrongDirection { access: Access::Read, offset: reg::QUEUE_NOTIFY },
        ],
    );
}

#[test]
fn wrong_width() {
    let (device, driver) = identified();
    driver.io.read8(reg::STATUS);
    driver.io.read16(reg::NUM_PAGES);
    driver.io.write32(reg::ACTUAL + 2, 1);
    assert_violations(
        &device,
        [
            RegisterViolation::WrongWidth { access: Access::Read, offset: reg::STATUS, bits: 8 },
            RegisterViolation::WrongWidth { access: Access::Read, offset: reg::NUM_PAGES, bits: 16 },
            RegisterViolation::WrongWidth { access: Access::Write, offset: reg::ACTUAL + 2, bits: 32 },
        ],
    );
}

#[test]
fn selector_not_written() {
    let (device, driver) = identified();
    driver.io.read32(reg::DEVICE_FEATURES);
    driver.io.write32(reg::DRIVER_FEATURES, 1);
    driver.io.read32(reg::QUEUE_SIZE_MAX);
    assert_violations(
        &device,
        [
            RegisterViolation::SelectorNotWritten { access: Access::Read, offset: reg::DEVICE_FEATURES },
            RegisterViolation::SelectorNotWritten { access: Access::Write, offset: reg::DRIVER_FEATURES },
            RegisterViolation::SelectorNotWritten { access: Access::Read, offset: reg::QUEUE_SIZE_MAX },
        ],
    );
}

#[test]
fn device_not_identified() {
    let device = BalloonDevice::builder().inline().start().unwrap();
    let io = device.registers();
    // The wrong order.
    io.read32(reg::DEVICE_ID);
    io.read32(reg::MAGIC);
    io.read32(reg::VERSION);
    io.read32(reg::STATUS);
    assert_violations(&device, [RegisterViolation::NotIdentified { access: Access::Read, offset: reg::STATUS }]);
}

#[test]
fn status_bits_cleared() {
    let (device, driver) = identified();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    driver.io.write32(reg::STATUS, DRIVER);
    assert_violations(&device, [StatusViolation::BitsCleared { from: ACKNOWLEDGE, to: DRIVER }]);
}

#[test]
fn status_bits_out_of_order() {
    let all = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
    for (from, to) in [(0, DRIVER), (0, ACKNOWLEDGE | DRIVER), (1, 9), (3, 7), (0, all), (0, 0x10)] {
        let (device, driver) = identified();
        if from != 0 {
            driver.io.write32(reg::STATUS, ACKNOWLEDGE);
            driver.io.write32(reg::STATUS, from);
        }
        driver.io.write32(reg::STATUS, to);
        assert_eq!(device.violations()[0], StatusViolation::OutOfOrder { from, to }.into());
    }
}

#[test]
fn failed_can_be_set_at_any_time() {
    let (device, driver) = identified();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    driver.io.write32(reg::STATUS, ACKNOWLEDGE | 0x80);
    assert_no_violations(&device);
}

#[test]
fn features_after_features_ok() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::DRIVER_FEATURES, 1);
    assert_violations(&device, [StatusViolation::FeaturesAfterFeaturesOk]);
}

#[test]
fn features_not_offered() {
    let (device, mut driver) = identified();
    let accepted = features::VERSION_1 | features::EVENT_IDX;
    assert_eq!(driver.negotiate(accepted) & FEATURES_OK, 0);
    let offered = features::VERSION_1 | features::MUST_TELL_HOST;
    assert_violations(&device, [StatusViolation::FeaturesNotOffered { accepted, offered }]);
}

#[test]
fn queues_configured_out_of_turn() {
    let (device, driver) = identified();
    driver.io.write32(reg::QUEUE_SEL, 0);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let early = QueueViolation::OutOfTurn { queue: 0, offset: reg::QUEUE_SIZE, status: 0 };
    assert_violations(&device, [early]);

    let (device, mut driver) = negotiated();
    driver.set_driver_ok();
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_READY, 1);
    let late = QueueViolation::OutOfTurn { queue: 0, offset: reg::QUEUE_READY, status: 15 };
    assert_eq!(device.violations().last(), Some(&late.into()));
    driver.send(INFLATE, &[1024]);
    assert_eq!(driver.used_index(INFLATE), 0, "the queue does not work");
}

#[test]
fn queue_changed_while_ready() {
    let (device, driver) = negotiated();
    driver.set_up_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 4);
    assert_violations(&device, [QueueViolation::WhileReady { queue: 0, offset: reg::QUEUE_SIZE }]);
}

#[test]
fn queue_not_checked() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::QUEUE_SEL, 0);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    for (register, part) in [(reg::QUEUE_DESC, 0), (reg::QUEUE_DRIVER, 0x1000), (reg::QUEUE_DEVICE, 0x2000)] {
        driver.set_address(register, 0x20_0000 + part);
    }
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::NotChecked { queue: 0 }]);
}

#[test]
fn queue_not_found() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::QUEUE_SEL, 2);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::NotFound { queue: 2 }]);
}

#[test]
fn queue_of_invalid_size() {
    for size in [0, 3, 256, u32::MAX] {
        let (device, driver) = negotiated();
        driver.prepare_queue(INFLATE);
        driver.io.write32(reg::QUEUE_SIZE, size);
        driver.io.write32(reg::QUEUE_READY, 1);
        assert_violations(&device, [QueueViolation::Size { queue: 0, size, max: 128 }]);
        assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
    }
}

#[test]
fn queue_areas_unaligned_overlapping_or_outside_memory() {
    let good = [0x20_0000, 0x20_1000, 0x20_2000];
    let bad = [
        [0x20_0008, 0x20_1000, 0x20_2000],
        [0x20_0000, 0x20_1001, 0x20_2000],
        [0x20_0000, 0x20_1000, 0x20_2002],
        [0x20_0000, 0x20_0010, 0x20_2000],
        [0x20_0000, 0x20_1000, 0x20_1000],
        [0x80_0000, 0x20_1000, 0x20_2000],
        [0x20_0000, 0x20_1000, u64::MAX - 3],
    ];
    for (addresses, count) in bad.map(|addresses| (addresses, 1)).into_iter().chain([(good, 0)]) {
        let (device, driver) = negotiated();
        driver.prepare_queue(INFLATE);
        for (register, address) in [reg::QUEUE_DESC, reg::QUEUE_DRIVER, reg::QUEUE_DEVICE].into_iter().zip(addresses) {
            driver.set_address(register, address);
        }
        driver.io.write32(reg::QUEUE_READY, 1);
        let [descriptors, driver, device_ring] = addresses;
        let expected = QueueViolation::Address { queue: 0, descriptors, driver, device: device_ring };
        assert_violations(&device, vec![expected; count]);
    }
}

#[test]
fn ring_not_zeroed() {
    let (device, driver) = negotiated();
    driver.prepare_queue(INFLATE);
    driver.memory.write(RawDriver::<Registers>::area(INFLATE) + 0x2002, &[1]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::NotZeroed { queue: 0 }]);
}

#[test]
fn notification_before_driver_ok() {
    let (device, mut driver) = negotiated();
    driver.set_up_queue(INFLATE);
    driver.send(INFLATE, &[1024]);
    assert_violations(&device, [QueueViolation::NotifiedBeforeDriverOk { queue: 0, status: 11 }]);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn notification_of_a_queue_that_is_not_ready() {
    let (device, mut driver) = negotiated();
    driver.set_driver_ok();
    driver.send(INFLATE, &[1024]);
    driver.io.write32(reg::QUEUE_NOTIFY, 0x1_0000);
    assert_violations(
        &device,
        [QueueViolation::NotifiedNotReady { queue: 0 }, QueueViolation::NotifiedNotReady { queue: 0x1_0000 }],
    );
}

#[test]
fn acknowledgement_of_undefined_interrupt_bits() {
    let (device, driver) = live_8_mib();
    driver.io.write32(reg::INTERRUPT_ACK, 7);
    assert_violations(&device, [RegisterViolation::AcknowledgedUndefined { value: 7 }]);
}

#[test]
fn configuration_space_accesses() {
    let (device, driver) = identified();
    driver.io.write32(reg::ACTUAL, 1);
    assert_violations(&device, [ConfigViolation::OutOfTurn { offset: 4, status: 0 }]);

    let (device, driver) = live_8_mib();
    driver.io.write32(reg::NUM_PAGES, 1);
    assert_violations(&device, [ConfigViolation::ReadOnly { offset: 0 }]);
    assert_eq!(device.target(), 0);

    let offered = features::VERSION_1 | features::PAGE_POISON;
    let (device, driver) = live(BalloonDevice::builder().memory(8 << 20).features(offered));
    driver.io.read32(0x108);
    driver.io.write32(0x10c, 1);
    let without = |access, offset| ConfigViolation::WithoutFeature { access, offset };
    assert_violations(&device, [without(Access::Read, 8), without(Access::Write, 12)]);
}

#[test]
fn available_index_too_far_ahead() {
    let (device, driver) = live_8_mib();
    driver.set_available_index(INFLATE, 9);
    driver.notify(INFLATE);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::AvailableIndex { queue: 0, index: 9, expected: 0 }]);
    assert_eq!(driver.used_index(INFLATE), 0, "the device ignores the queue");
}

#[test]
fn broken_chains() {
    // A loop, a next descriptor outside the table, a head outside the table, a buffer outside memory.
    for (address, flags, next, head) in
        [(0x20_4000, 1, 0, 0), (0x20_4000, 1, 99, 0), (0x20_4000, 0, 0, 8), (8 << 20, 0, 0, 0)]
    {
        let (device, mut driver) = live_8_mib();
        driver.describe(INFLATE, 0, address, 4, flags, next);
        driver.add_head(INFLATE, head);
        driver.notify(INFLATE);
        assert_violations(&device, [RingViolation::BrokenChain { queue: 0, head }]);
        assert_eq!(device.host_page_count(), 0);
    }
}

#[test]
fn indirect_descriptor_without_the_feature() {
    let (device, mut driver) = live_8_mib();
    // The indirect table starts at the second entry of the descriptor table.
    driver.describe(INFLATE, 0, RawDriver::<Registers>::area(INFLATE) + 16, 16, 4, 0);
    driver.memory.write(0x30_0000, &1024_u32.to_le_bytes()).unwrap();
    driver.describe(INFLATE, 1, 0x30_0000, 4, 0, 0);
    driver.add_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::IndirectWithoutFeature { queue: 0, head: 0 }]);
    assert!(device.has_page(1024), "the device still reads the table");
}

#[test]
fn head_in_flight() {
    let (device, mut driver) = start(BalloonDevice::builder().memory(8 << 20).manual());
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    device.step();
    driver.send(INFLATE, &[1025]);
    device.step();
    assert_violations(&device, [RingViolation::HeadInFlight { queue: 0, head: 0 }]);
}

#[test]
fn arrays_of_invalid_form() {
    let (device, mut driver) = live_8_mib();
    driver.memory.write(0x30_0000, &[0, 4, 0, 0, 1, 4, 0, 0]).unwrap();
    driver.describe(INFLATE, 0, 0x30_0000, 4, 1, 1);
    driver.describe(INFLATE, 1, 0x30_0004, 4, 0, 0);
    driver.add_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, [PageViolation::ChainedArray { queue: 0, head: 0, descriptors: 2 }]);
    assert_eq!(device.host_page_count(), 2);

    for (length, flags, expected) in [
        (4, 2, PageViolation::WritableArray { queue: 0, head: 0 }),
        (0, 0, PageViolation::ArrayLength { queue: 0, head: 0, bytes: 0 }),
        (6, 0, PageViolation::ArrayLength { queue: 0, head: 0, bytes: 6 }),
    ] {
        let (device, mut driver) = live_8_mib();
        driver.memory.write(0x30_0000, &[0, 4, 0, 0, 1, 4, 0, 0]).unwrap();
        driver.describe(INFLATE, 0, 0x30_0000, length, flags, 0);
        driver.add_head(INFLATE, 0);
        driver.notify(INFLATE);
        assert_violations(&device, [expected]);
    }
}

#[test]
fn array_too_long() {
    let (device, mut driver) = live_8_mib();
    driver.send(INFLATE, &(1024..1281).collect::<Vec<_>>());
    assert_violations(&device, [PageViolation::ArrayTooLong { queue: 0, head: 0, entries: 257 }]);
}

#[test]
fn page_outside_memory() {
    let (device, mut driver) = live_8_mib();
    driver.send(INFLATE, &[1024, 2048, u32::MAX]);
    driver.send(DEFLATE, &[2048]);
    let outside = |pfn| PageViolation::OutsideMemory { pfn };
    assert_violations(&device, [outside(2048), outside(u32::MAX), outside(2048)]);
    assert_eq!(device.host_page_count(), 1);
    assert!(device.events().contains(&Event::Inflated { pfns: vec![1024, 2048, u32::MAX] }));
}

#[test]
fn page_inflated_twice_or_not_in_the_balloon() {
    let (device, mut driver) = live_8_mib();
    driver.send(INFLATE, &[1024]);
    driver.send(INFLATE, &[1025, 1024]);
    driver.send(DEFLATE, &[1024, 1026, 1024]);
    assert_violations(
        &device,
        [
            PageViolation::InflatedTwice { pfn: 1024 },
            PageViolation::NotInBalloon { pfn: 1026 },
            PageViolation::NotInBalloon { pfn: 1024 },
        ],
    );
    assert_eq!(device.host_pages(), [1025].into());
}

#[test]
fn page_touched_in_the_balloon() {
    let (device, mut driver) = live_8_mib();
    driver.send(INFLATE, &[1024, 1025]);
    driver.memory.read(1025 * 4096, &mut [0]).unwrap();
    driver.send(DEFLATE, &[1024, 1025]);
    assert_violations(&device, [PageViolation::Touched { pfn: 1025 }]);
}
