//! Each rule that the device watches, broken once.

use aerostat_device::{Access, BalloonDevice, Event, Registers, Violation, features};
use aerostat_transport::Io;

use super::by_hand::{
    ACKNOWLEDGE, ByHand, DEFLATE, DRIVER, DRIVER_OK, FEATURES_OK, INFLATE, assert_violations, live, live_8_mib, reg,
};

/// A device that has been identified, and nothing more.
fn fresh() -> (BalloonDevice, ByHand<Registers>) {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let driver = ByHand::new(device.registers(), device.memory());
    driver.identify();
    (device, driver)
}

/// A device with its features agreed to.
fn negotiated() -> (BalloonDevice, ByHand<Registers>) {
    let (device, mut driver) = fresh();
    driver.negotiate(features::VERSION_1);
    (device, driver)
}

#[test]
fn a_register_that_is_not_there() {
    let (device, driver) = fresh();
    driver.io.read32(0x0c);
    driver.io.read32(0x18);
    driver.io.write32(0x108, 1);
    assert_violations(
        &device,
        &[
            Violation::UndefinedRegister { access: Access::Read, offset: 0x18 },
            Violation::UndefinedRegister { access: Access::Write, offset: 0x108 },
        ],
    );
}

#[test]
fn a_register_that_the_driver_has_no_use_for() {
    let (device, driver) = fresh();
    assert_eq!(driver.io.read32(reg::SHM_LEN), u32::MAX);
    assert_violations(&device, &[Violation::NeedlessRegister { access: Access::Read, offset: reg::SHM_LEN }]);
}

#[test]
fn the_wrong_direction() {
    let (device, driver) = fresh();
    driver.io.write32(reg::MAGIC, 1);
    driver.io.read32(reg::QUEUE_NOTIFY);
    assert_violations(
        &device,
        &[
            Violation::WrongDirection { access: Access::Write, offset: reg::MAGIC },
            Violation::WrongDirection { access: Access::Read, offset: reg::QUEUE_NOTIFY },
        ],
    );
}

#[test]
fn the_wrong_width() {
    let (device, driver) = fresh();
    driver.io.read8(reg::STATUS);
    driver.io.read16(reg::NUM_PAGES);
    driver.io.write32(reg::ACTUAL + 2, 1);
    assert_violations(
        &device,
        &[
            Violation::WrongWidth { access: Access::Read, offset: reg::STATUS, bits: 8 },
            Violation::WrongWidth { access: Access::Read, offset: reg::NUM_PAGES, bits: 16 },
            Violation::WrongWidth { access: Access::Write, offset: reg::ACTUAL + 2, bits: 32 },
        ],
    );
}

#[test]
fn a_selector_that_was_not_written() {
    let (device, driver) = fresh();
    driver.io.read32(reg::DEVICE_FEATURES);
    driver.io.write32(reg::DRIVER_FEATURES, 1);
    driver.io.read32(reg::QUEUE_SIZE_MAX);
    assert_violations(
        &device,
        &[
            Violation::SelectorNotWritten { access: Access::Read, offset: reg::DEVICE_FEATURES },
            Violation::SelectorNotWritten { access: Access::Write, offset: reg::DRIVER_FEATURES },
            Violation::SelectorNotWritten { access: Access::Read, offset: reg::QUEUE_SIZE_MAX },
        ],
    );
}

#[test]
fn a_device_that_was_not_identified() {
    let device = BalloonDevice::builder().inline().start().unwrap();
    let io = device.registers();
    // In the wrong order.
    io.read32(reg::DEVICE_ID);
    io.read32(reg::MAGIC);
    io.read32(reg::VERSION);
    io.read32(reg::STATUS);
    assert_violations(&device, &[Violation::NotIdentified { access: Access::Read, offset: reg::STATUS }]);
}

#[test]
fn status_bits_that_are_dropped() {
    let (device, driver) = fresh();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    driver.io.write32(reg::STATUS, DRIVER);
    assert_violations(&device, &[Violation::StatusBitsDropped { from: ACKNOWLEDGE, to: DRIVER }]);
}

#[test]
fn status_bits_out_of_order() {
    let all = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
    for (from, to) in [(0, DRIVER), (0, ACKNOWLEDGE | DRIVER), (1, 9), (3, 7), (0, all), (0, 0x10)] {
        let (device, driver) = fresh();
        if from != 0 {
            driver.io.write32(reg::STATUS, ACKNOWLEDGE);
            driver.io.write32(reg::STATUS, from);
        }
        driver.io.write32(reg::STATUS, to);
        assert_eq!(device.violations()[0], Violation::StatusOrder { from, to });
    }
}

#[test]
fn failed_may_come_at_any_time() {
    let (device, driver) = fresh();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    driver.io.write32(reg::STATUS, ACKNOWLEDGE | 0x80);
    assert_violations(&device, &[]);
}

#[test]
fn features_after_features_ok() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::DRIVER_FEATURES, 1);
    assert_violations(&device, &[Violation::FeaturesAfterFeaturesOk]);
}

#[test]
fn features_that_were_not_offered() {
    let (device, mut driver) = fresh();
    let accepted = features::VERSION_1 | features::EVENT_IDX;
    assert_eq!(driver.negotiate(accepted) & FEATURES_OK, 0);
    let offered = features::VERSION_1 | features::MUST_TELL_HOST;
    assert_violations(&device, &[Violation::FeaturesNotOffered { accepted, offered }]);
}

#[test]
fn queues_out_of_turn() {
    let (device, driver) = fresh();
    driver.io.write32(reg::QUEUE_SEL, 0);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let early = Violation::QueueOutOfTurn { queue: 0, offset: reg::QUEUE_SIZE, status: 0 };
    assert_violations(&device, &[early]);

    let (device, mut driver) = negotiated();
    driver.go_live();
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_READY, 1);
    let late = Violation::QueueOutOfTurn { queue: 0, offset: reg::QUEUE_READY, status: 15 };
    assert_eq!(device.violations().last(), Some(&late));
    driver.tell(INFLATE, &[1024]);
    assert_eq!(driver.used_index(INFLATE), 0, "and the queue does not work");
}

#[test]
fn a_queue_changed_while_it_is_ready() {
    let (device, driver) = negotiated();
    driver.set_up_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 4);
    assert_violations(&device, &[Violation::QueueWhileReady { queue: 0, offset: reg::QUEUE_SIZE }]);
}

#[test]
fn a_queue_that_was_not_looked_at() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::QUEUE_SEL, 0);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    for (register, part) in [(reg::QUEUE_DESC, 0), (reg::QUEUE_DRIVER, 0x1000), (reg::QUEUE_DEVICE, 0x2000)] {
        driver.set_address(register, 0x20_0000 + part);
    }
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::QueueNotChecked { queue: 0 }]);
}

#[test]
fn a_queue_that_is_not_there() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::QUEUE_SEL, 2);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::NoSuchQueue { queue: 2 }]);
}

#[test]
fn a_queue_of_the_wrong_size() {
    for size in [0, 3, 256, u32::MAX] {
        let (device, driver) = negotiated();
        driver.prepare_queue(INFLATE);
        driver.io.write32(reg::QUEUE_SIZE, size);
        driver.io.write32(reg::QUEUE_READY, 1);
        assert_violations(&device, &[Violation::QueueSize { queue: 0, size, max: 128 }]);
        assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
    }
}

#[test]
fn rings_that_are_unaligned_overlap_or_lie_outside() {
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
        let expected = Violation::QueueAddress { queue: 0, descriptors, driver, device: device_ring };
        assert_violations(&device, &vec![expected; count]);
    }
}

#[test]
fn a_ring_that_is_not_zero() {
    let (device, driver) = negotiated();
    driver.prepare_queue(INFLATE);
    driver.memory.write(ByHand::<Registers>::area(INFLATE) + 0x2002, &[1]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::QueueNotZeroed { queue: 0 }]);
}

#[test]
fn a_notification_before_driver_ok() {
    let (device, mut driver) = negotiated();
    driver.set_up_queue(INFLATE);
    driver.tell(INFLATE, &[1024]);
    assert_violations(&device, &[Violation::NotifiedBeforeDriverOk { queue: 0, status: 11 }]);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn a_notification_of_a_queue_that_is_not_ready() {
    let (device, mut driver) = negotiated();
    driver.go_live();
    driver.tell(INFLATE, &[1024]);
    driver.io.write32(reg::QUEUE_NOTIFY, 0x1_0000);
    assert_violations(
        &device,
        &[Violation::NotifiedUnready { queue: 0 }, Violation::NotifiedUnready { queue: 0x1_0000 }],
    );
}

#[test]
fn an_acknowledgement_of_bits_that_are_not_defined() {
    let (device, driver) = live_8_mib();
    driver.io.write32(reg::INTERRUPT_ACK, 7);
    assert_violations(&device, &[Violation::AcknowledgedUndefined { value: 7 }]);
}

#[test]
fn the_configuration_against_its_rules() {
    let (device, driver) = fresh();
    driver.io.write32(reg::ACTUAL, 1);
    assert_violations(&device, &[Violation::ConfigOutOfTurn { offset: 4, status: 0 }]);

    let (device, driver) = live_8_mib();
    driver.io.write32(reg::NUM_PAGES, 1);
    assert_violations(&device, &[Violation::ConfigReadOnly { offset: 0 }]);
    assert_eq!(device.target(), 0);

    let offered = features::VERSION_1 | features::PAGE_POISON;
    let (device, driver) = live(BalloonDevice::builder().memory(8 << 20).features(offered));
    driver.io.read32(0x108);
    driver.io.write32(0x10c, 1);
    let without = |access, offset| Violation::ConfigWithoutFeature { access, offset };
    assert_violations(&device, &[without(Access::Read, 8), without(Access::Write, 12)]);
}

#[test]
fn an_available_index_that_runs_ahead() {
    let (device, driver) = live_8_mib();
    driver.set_available_index(INFLATE, 9);
    driver.notify(INFLATE);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::AvailableIndex { queue: 0, index: 9, expected: 0 }]);
    assert_eq!(driver.used_index(INFLATE), 0, "the queue is given up");
}

#[test]
fn a_chain_that_is_broken() {
    // A loop, a link out of the table, a head out of the table, a buffer outside memory.
    for (address, flags, next, head) in
        [(0x20_4000, 1, 0, 0), (0x20_4000, 1, 99, 0), (0x20_4000, 0, 0, 8), (8 << 20, 0, 0, 0)]
    {
        let (device, mut driver) = live_8_mib();
        driver.describe(INFLATE, 0, address, 4, flags, next);
        driver.offer_head(INFLATE, head);
        driver.notify(INFLATE);
        assert_violations(&device, &[Violation::BrokenChain { queue: 0, head }]);
        assert_eq!(device.host_page_count(), 0);
    }
}

#[test]
fn an_indirect_descriptor_without_the_feature() {
    let (device, mut driver) = live_8_mib();
    // The table is the descriptor table itself, from its second entry on.
    driver.describe(INFLATE, 0, ByHand::<Registers>::area(INFLATE) + 16, 16, 4, 0);
    driver.memory.write(0x30_0000, &1024_u32.to_le_bytes()).unwrap();
    driver.describe(INFLATE, 1, 0x30_0000, 4, 0, 0);
    driver.offer_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::Indirect { queue: 0, head: 0 }]);
    assert!(device.has_page(1024), "it is understood all the same");
}

#[test]
fn a_head_that_is_in_flight() {
    let device = BalloonDevice::builder().memory(8 << 20).manual().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up();
    driver.tell(INFLATE, &[1024]);
    device.step();
    driver.tell(INFLATE, &[1025]);
    device.step();
    assert_violations(&device, &[Violation::HeadInFlight { queue: 0, head: 0 }]);
}

#[test]
fn an_array_of_the_wrong_shape() {
    let (device, mut driver) = live_8_mib();
    driver.memory.write(0x30_0000, &[0, 4, 0, 0, 1, 4, 0, 0]).unwrap();
    driver.describe(INFLATE, 0, 0x30_0000, 4, 1, 1);
    driver.describe(INFLATE, 1, 0x30_0004, 4, 0, 0);
    driver.offer_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::ChainedArray { queue: 0, head: 0, descriptors: 2 }]);
    assert_eq!(device.host_page_count(), 2);

    for (length, flags, expected) in [
        (4, 2, Violation::WritableArray { queue: 0, head: 0 }),
        (0, 0, Violation::ArrayLength { queue: 0, head: 0, bytes: 0 }),
        (6, 0, Violation::ArrayLength { queue: 0, head: 0, bytes: 6 }),
    ] {
        let (device, mut driver) = live_8_mib();
        driver.memory.write(0x30_0000, &[0, 4, 0, 0, 1, 4, 0, 0]).unwrap();
        driver.describe(INFLATE, 0, 0x30_0000, length, flags, 0);
        driver.offer_head(INFLATE, 0);
        driver.notify(INFLATE);
        assert_violations(&device, &[expected]);
    }
}

#[test]
fn more_pages_than_deployed_devices_take() {
    let (device, mut driver) = live_8_mib();
    driver.tell(INFLATE, &(1024..1281).collect::<Vec<_>>());
    assert_violations(&device, &[Violation::TooManyPfns { queue: 0, head: 0, entries: 257 }]);
}

#[test]
fn a_page_that_the_guest_does_not_have() {
    let (device, mut driver) = live_8_mib();
    driver.tell(INFLATE, &[1024, 2048, u32::MAX]);
    driver.tell(DEFLATE, &[2048]);
    let outside = |pfn| Violation::PageOutsideMemory { pfn };
    assert_violations(&device, &[outside(2048), outside(u32::MAX), outside(2048)]);
    assert_eq!(device.host_page_count(), 1);
    assert!(device.events().contains(&Event::Inflated { pfns: vec![1024, 2048, u32::MAX] }));
}

#[test]
fn a_page_that_is_inflated_twice_or_deflated_from_outside() {
    let (device, mut driver) = live_8_mib();
    driver.tell(INFLATE, &[1024]);
    driver.tell(INFLATE, &[1025, 1024]);
    driver.tell(DEFLATE, &[1024, 1026, 1024]);
    assert_violations(
        &device,
        &[
            Violation::InflatedTwice { pfn: 1024 },
            Violation::DeflatedOutside { pfn: 1026 },
            Violation::DeflatedOutside { pfn: 1024 },
        ],
    );
    assert_eq!(device.host_pages(), [1025].into());
}

#[test]
fn a_page_that_is_touched_in_the_balloon() {
    let (device, mut driver) = live_8_mib();
    driver.tell(INFLATE, &[1024, 1025]);
    driver.memory.read(1025 * 4096, &mut [0]).unwrap();
    driver.tell(DEFLATE, &[1024, 1025]);
    assert_violations(&device, &[Violation::TouchedInBalloon { pfn: 1025 }]);
}
