//! Packed rings: wrap counters, event structures, and chains in the ring.

use aerostat_device::{
    BalloonDevice, Event, Notifications, QueueFault, QueueViolation, Registers, RingViolation, Violation, features,
};
use aerostat_transport::Io;

use crate::packed::raw_driver::{
    DEVICE_RING, DRIVER_RING, FEATURES_OK, INFLATE, REPORTING, RawDriver, SIZE, Used, assert_no_violations,
    assert_violations, builder, live_8_mib, live_with, reg, start,
};

type Driver = RawDriver<Registers>;

/// Descriptor flags.
const NEXT: u16 = 1;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;
/// The wrap counter bit of an event structure, and the flags that enable its offset.
const WRAP: u16 = 1 << 15;
const DESC: u16 = 2;

/// Writes a descriptor of the inflate queue with any flags.
fn write_descriptor(driver: &Driver, slot: u16, id: u16, flags: u16) {
    let bytes = [&0x30_0000_u64.to_le_bytes()[..], &4_u32.to_le_bytes(), &id.to_le_bytes(), &flags.to_le_bytes()];
    driver.memory.write(Driver::area(INFLATE) + 16 * u64::from(slot), &bytes.concat()).unwrap();
}

/// Returns a live device with EVENT_IDX.
fn live_with_events(notifications: Notifications) -> (BalloonDevice, Driver) {
    let (device, mut driver) = start(builder().add_features(features::EVENT_IDX).notifications(notifications).inline());
    driver.bring_up_with(features::VERSION_1 | features::EVENT_IDX);
    (device, driver)
}

#[test]
fn chains_wrap_around_the_ring() {
    let (device, mut driver) = live_with(builder(), features::PAGE_REPORTING);
    for round in 0..40_u16 {
        driver.send(INFLATE, &[1024 + u32::from(round)]);
        // Three descriptors in a ring of eight, so that most chains do not end at the end of the ring.
        let first = 1200 + 3 * u64::from(round);
        driver.add_pages(REPORTING, 2, &[first..first + 1, first + 1..first + 2, first + 2..first + 3]);
        driver.notify(REPORTING);
        assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (round + 1, round + 1));
        assert_eq!(driver.used(REPORTING, round + 1).last(), Some(&Used { id: 2, written: 0 }));
    }
    assert_eq!(device.host_page_count(), 40);
    assert_no_violations(&device);
}

#[test]
fn a_full_ring_can_be_completed_in_any_order() {
    for fault in [None, Some(QueueFault::CompletesInReverse)] {
        let (device, mut driver) = live_8_mib();
        if let Some(fault) = fault {
            device.inject(fault);
        }
        for round in 0..3 {
            for index in 0..SIZE {
                driver.add_array(INFLATE, index, &[1024 + u32::from(round * SIZE + index)]);
            }
            driver.notify(INFLATE);
            assert_eq!(driver.used_index(INFLATE), (round + 1) * SIZE);
        }
        assert_eq!(device.host_page_count(), 24);
        assert_no_violations(&device);
    }
}

#[test]
fn the_event_offset_delays_interrupts() {
    let (device, mut driver) = live_with_events(Notifications::Suppressed);
    let interrupts_at = |driver: &Driver, position: u16| {
        driver.memory.write(Driver::area(INFLATE) + DRIVER_RING, &position.to_le_bytes()).unwrap();
        driver.set_available_flags(INFLATE, DESC);
    };
    let send = |page: u32, driver: &mut Driver| {
        driver.send(INFLATE, &[page]);
        device.interrupt_line().count()
    };
    interrupts_at(&driver, 1 | WRAP);
    assert_eq!([1024, 1025, 1026].map(|page| send(page, &mut driver)), [0, 1, 1]);
    // With the other wrap counter.
    interrupts_at(&driver, 1);
    assert_eq!(
        [1027, 1028, 1029, 1030, 1031].map(|page| send(page, &mut driver)),
        [1; 5],
        "the wrap counter has not changed yet"
    );
    assert_eq!([1032, 1033, 1034].map(|page| send(page, &mut driver)), [1, 2, 2]);
    driver.set_available_flags(INFLATE, 1);
    assert_eq!(send(1035, &mut driver), 2);
    driver.set_available_flags(INFLATE, 0);
    assert_eq!(send(1036, &mut driver), 3);
    assert_no_violations(&device);
}

#[test]
fn notifications_are_enabled_at_the_next_descriptor() {
    for notifications in [Notifications::Enabled, Notifications::Suppressed] {
        let (device, mut driver) = live_with_events(notifications);
        for (count, position) in (1..=SIZE + 1).zip((1..SIZE).map(|slot| slot | WRAP).chain([0, 1])) {
            driver.send(INFLATE, &[1023 + u32::from(count)]);
            let event = driver.read_u16(Driver::area(INFLATE) + DEVICE_RING);
            assert_eq!((event, driver.used_flags(INFLATE)), (position, DESC));
        }
        assert_no_violations(&device);
    }
}

#[test]
fn a_positive_shift_marks_unused_descriptors() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::ShiftsUsedIndex(3).at(0));
    driver.send(INFLATE, &[1024]);
    let flags = [0, 1, 2, 3, 4].map(|slot| driver.read_u16(Driver::area(INFLATE) + 16 * slot + 14));
    assert_eq!(flags, [AVAIL | USED, AVAIL | USED, AVAIL | USED, AVAIL | USED, 0]);
    // A driver that ignores the marks continues at its own position.
    driver.send(INFLATE, &[1025]);
    assert_eq!(device.host_page_count(), 2);
}

#[test]
fn a_negative_shift_unmarks_a_descriptor_until_the_next_completion() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::ShiftsUsedIndex(-1).at(0));
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 1));
    driver.add_array(INFLATE, 1, &[1025]);
    driver.notify(INFLATE);
    let ids: Vec<u32> = driver.used(INFLATE, 2).iter().map(|used| used.id).collect();
    assert_eq!(ids, [0, 1]);
}

#[test]
fn sizes_need_not_be_powers_of_two() {
    let (device, mut driver) = start(builder().queue_size(100).inline());
    assert_eq!(driver.negotiate(features::VERSION_1) & FEATURES_OK, FEATURES_OK);
    driver.prepare_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_SIZE_MAX), 100);
    driver.io.write32(reg::QUEUE_SIZE, 7);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_eq!(device.events().last(), Some(&Event::QueueEnabled { queue: INFLATE, size: 7 }));
    assert_no_violations(&device);

    driver.negotiate(features::VERSION_1);
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 101);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::Size { queue: 0, size: 101, max: 100 }]);
}

#[test]
fn a_ring_that_is_not_zeroed_is_a_violation() {
    let (device, mut driver) = start(builder().inline());
    driver.negotiate(features::VERSION_1);
    driver.prepare_queue(INFLATE);
    driver.memory.write(Driver::area(INFLATE) + 16 * 7 + 14, &[1]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, [QueueViolation::NotZeroed { queue: 0 }]);
}

#[test]
fn unaligned_event_structures_are_violations() {
    for (register, offset) in [(reg::QUEUE_DRIVER, DRIVER_RING + 2), (reg::QUEUE_DEVICE, DEVICE_RING + 2)] {
        let (device, mut driver) = start(builder().inline());
        driver.negotiate(features::VERSION_1);
        driver.prepare_queue(INFLATE);
        driver.set_address(register, Driver::area(INFLATE) + offset);
        driver.io.write32(reg::QUEUE_READY, 1);
        assert!(matches!(device.violations()[..], [Violation::Queue(QueueViolation::Address { queue: 0, .. })]));
    }
}

#[test]
fn endless_and_partial_chains_are_violations() {
    let (device, driver) = live_8_mib();
    for slot in 0..SIZE {
        write_descriptor(&driver, slot, 5, AVAIL | NEXT);
    }
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::BrokenChain { queue: 0, head: 5 }]);

    let (device, driver) = live_8_mib();
    write_descriptor(&driver, 0, 5, AVAIL | NEXT);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::BrokenChain { queue: 0, head: 5 }]);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn a_descriptor_with_the_other_wrap_counter_is_not_available() {
    let (device, driver) = live_8_mib();
    for flags in [0, USED, AVAIL | USED] {
        write_descriptor(&driver, 0, 0, flags);
        driver.notify(INFLATE);
    }
    assert!(!device.events().iter().any(|event| matches!(event, Event::Inflated { .. })));
    assert_no_violations(&device);
}

#[test]
fn more_descriptors_than_the_ring_size_are_a_violation() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::NeverCompletes);
    for index in 0..SIZE {
        driver.add_array(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    assert_no_violations(&device);
    write_descriptor(&driver, 0, 9, USED);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::Overrun { queue: 0, head: 9 }]);
}

#[test]
fn an_id_in_flight_is_a_violation() {
    let (device, mut driver) = live_8_mib();
    device.inject(QueueFault::NeverCompletes);
    driver.send(INFLATE, &[1024]);
    driver.send(INFLATE, &[1025]);
    assert_violations(&device, [RingViolation::HeadInFlight { queue: 0, head: 0 }]);
}
