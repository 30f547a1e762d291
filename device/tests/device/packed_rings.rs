//! What only packed rings have: wrap counters, event structures, and chains that lie in the ring itself.

use aerostat_device::{BalloonDevice, Event, Notifications, QueueFault, Registers, RingViolation, Violation, features};
use aerostat_transport::Io;

use crate::packed::by_hand::{
    ByHand, DEVICE_RING, DRIVER_RING, FEATURES_OK, INFLATE, REPORTING, SIZE, Used, assert_broken, assert_violations,
    builder, live_8_mib, live_with, reg,
};

type Driver = ByHand<Registers>;

/// Descriptor flags.
const NEXT: u16 = 1;
const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;
/// The wrap counter in an event structure, and the flags that make it count.
const WRAP: u16 = 1 << 15;
const DESC: u16 = 2;

/// Writes a descriptor of the inflate queue as it is.
fn write_descriptor(driver: &Driver, slot: u16, id: u16, flags: u16) {
    let bytes = [&0x30_0000_u64.to_le_bytes()[..], &4_u32.to_le_bytes(), &id.to_le_bytes(), &flags.to_le_bytes()];
    driver.memory.write(Driver::area(INFLATE) + 16 * u64::from(slot), &bytes.concat()).unwrap();
}

/// A live device with EVENT_IDX.
fn live_with_events(notifications: Notifications) -> (BalloonDevice, Driver) {
    let device = builder().add_features(features::EVENT_IDX).notifications(notifications).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.bring_up_with(features::VERSION_1 | features::EVENT_IDX);
    (device, driver)
}

#[test]
fn buffers_go_around_the_ring_many_times() {
    let (device, mut driver) = live_with(builder(), features::PAGE_REPORTING);
    for round in 0..40_u16 {
        driver.tell(INFLATE, &[1024 + u32::from(round)]);
        // Three descriptors of a ring of eight: the ends of ring and chain fall together only now and then.
        let first = 1200 + 3 * u64::from(round);
        driver.offer_pages(REPORTING, 2, &[first..first + 1, first + 1..first + 2, first + 2..first + 3]);
        driver.notify(REPORTING);
        assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (round + 1, round + 1));
        assert_eq!(driver.used(REPORTING, round + 1).last(), Some(&Used { id: 2, written: 0 }));
    }
    assert_eq!(device.host_page_count(), 40);
    assert_violations(&device, &[]);
}

#[test]
fn a_full_ring_comes_back_in_any_order() {
    for fault in [None, Some(QueueFault::OutOfOrder)] {
        let (device, mut driver) = live_8_mib();
        if let Some(fault) = fault {
            device.misbehave(fault);
        }
        for round in 0..3 {
            for index in 0..SIZE {
                driver.offer(INFLATE, index, &[1024 + u32::from(round * SIZE + index)]);
            }
            driver.notify(INFLATE);
            assert_eq!(driver.used_index(INFLATE), (round + 1) * SIZE);
        }
        assert_eq!(device.host_page_count(), 24);
        assert_violations(&device, &[]);
    }
}

#[test]
fn an_interrupt_waits_for_its_descriptor() {
    let (device, mut driver) = live_with_events(Notifications::Suppressed);
    let interrupts_at = |driver: &Driver, place: u16| {
        driver.memory.write(Driver::area(INFLATE) + DRIVER_RING, &place.to_le_bytes()).unwrap();
        driver.set_available_flags(INFLATE, DESC);
    };
    let tell = |page: u32, driver: &mut Driver| {
        driver.tell(INFLATE, &[page]);
        device.interrupt_line().count()
    };
    interrupts_at(&driver, 1 | WRAP);
    assert_eq!([1024, 1025, 1026].map(|page| tell(page, &mut driver)), [0, 1, 1]);
    // In the next turn.
    interrupts_at(&driver, 1);
    assert_eq!([1027, 1028, 1029, 1030, 1031].map(|page| tell(page, &mut driver)), [1; 5], "the first turn ends");
    assert_eq!([1032, 1033, 1034].map(|page| tell(page, &mut driver)), [1, 2, 2]);
    driver.set_available_flags(INFLATE, 1);
    assert_eq!(tell(1035, &mut driver), 2);
    driver.set_available_flags(INFLATE, 0);
    assert_eq!(tell(1036, &mut driver), 3);
    assert_violations(&device, &[]);
}

#[test]
fn notifications_are_wanted_at_the_next_descriptor() {
    for notifications in [Notifications::Enabled, Notifications::Suppressed] {
        let (device, mut driver) = live_with_events(notifications);
        for (told, place) in (1..=SIZE + 1).zip((1..SIZE).map(|slot| slot | WRAP).chain([0, 1])) {
            driver.tell(INFLATE, &[1023 + u32::from(told)]);
            let event = driver.half(Driver::area(INFLATE) + DEVICE_RING);
            assert_eq!((event, driver.used_flags(INFLATE)), (place, DESC));
        }
        assert_violations(&device, &[]);
    }
}

#[test]
fn a_jump_marks_what_was_not_used() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::UsedIndexJump(3).at(0));
    driver.tell(INFLATE, &[1024]);
    let flags = [0, 1, 2, 3, 4].map(|slot| driver.half(Driver::area(INFLATE) + 16 * slot + 14));
    assert_eq!(flags, [AVAIL | USED, AVAIL | USED, AVAIL | USED, AVAIL | USED, 0]);
    // A driver that has seen through it goes on in its own place.
    driver.tell(INFLATE, &[1025]);
    assert_eq!(device.host_page_count(), 2);
}

#[test]
fn a_jump_back_withdraws_until_the_next_buffer() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::UsedIndexJump(-1).at(0));
    driver.tell(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 1));
    driver.offer(INFLATE, 1, &[1025]);
    driver.notify(INFLATE);
    let ids: Vec<u32> = driver.used(INFLATE, 2).iter().map(|used| used.id).collect();
    assert_eq!(ids, [0, 1]);
}

#[test]
fn any_size_will_do() {
    let device = builder().queue_size(100).inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    assert_eq!(driver.negotiate(features::VERSION_1) & FEATURES_OK, FEATURES_OK);
    driver.prepare_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_SIZE_MAX), 100);
    driver.io.write32(reg::QUEUE_SIZE, 7);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_eq!(device.events().last(), Some(&Event::QueueEnabled { queue: INFLATE, size: 7 }));
    assert_violations(&device, &[]);

    driver.negotiate(features::VERSION_1);
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_SIZE, 101);
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::QueueSize { queue: 0, size: 101, max: 100 }]);
}

#[test]
fn a_ring_that_is_not_zero() {
    let device = builder().inline().start().unwrap();
    let mut driver = ByHand::new(device.registers(), device.memory());
    driver.negotiate(features::VERSION_1);
    driver.prepare_queue(INFLATE);
    driver.memory.write(Driver::area(INFLATE) + 16 * 7 + 14, &[1]).unwrap();
    driver.io.write32(reg::QUEUE_READY, 1);
    assert_violations(&device, &[Violation::QueueNotZeroed { queue: 0 }]);
}

#[test]
fn event_structures_are_aligned() {
    for (register, offset) in [(reg::QUEUE_DRIVER, DRIVER_RING + 2), (reg::QUEUE_DEVICE, DEVICE_RING + 2)] {
        let device = builder().inline().start().unwrap();
        let mut driver = ByHand::new(device.registers(), device.memory());
        driver.negotiate(features::VERSION_1);
        driver.prepare_queue(INFLATE);
        driver.set_address(register, Driver::area(INFLATE) + offset);
        driver.io.write32(reg::QUEUE_READY, 1);
        assert!(matches!(device.violations()[..], [Violation::QueueAddress { queue: 0, .. }]));
    }
}

#[test]
fn a_chain_that_never_ends_or_is_there_in_part() {
    let (device, driver) = live_8_mib();
    for slot in 0..SIZE {
        write_descriptor(&driver, slot, 5, AVAIL | NEXT);
    }
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::BrokenChain { queue: 0, head: 5 }]);

    let (device, driver) = live_8_mib();
    write_descriptor(&driver, 0, 5, AVAIL | NEXT);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::BrokenChain { queue: 0, head: 5 }]);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn a_descriptor_of_another_turn_is_not_available() {
    let (device, driver) = live_8_mib();
    for flags in [0, USED, AVAIL | USED] {
        write_descriptor(&driver, 0, 0, flags);
        driver.notify(INFLATE);
    }
    assert!(!device.events().iter().any(|event| matches!(event, Event::Inflated { .. })));
    assert_violations(&device, &[]);
}

#[test]
fn a_driver_that_overtakes_the_device() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::NeverAnswers);
    for index in 0..SIZE {
        driver.offer(INFLATE, index, &[1024 + u32::from(index)]);
    }
    driver.notify(INFLATE);
    assert_violations(&device, &[]);
    write_descriptor(&driver, 0, 9, USED);
    driver.notify(INFLATE);
    assert_broken(&device, [RingViolation::Overrun { queue: 0, head: 9 }]);
}

#[test]
fn an_id_that_is_in_flight() {
    let (device, mut driver) = live_8_mib();
    device.misbehave(QueueFault::NeverAnswers);
    driver.tell(INFLATE, &[1024]);
    driver.tell(INFLATE, &[1025]);
    assert_violations(&device, &[Violation::HeadInFlight { queue: 0, head: 0 }]);
}
