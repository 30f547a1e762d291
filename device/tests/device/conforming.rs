//! The behaviour of a device without faults.

use aerostat_device::{BalloonDevice, Cause, Event, StartError, features};
use aerostat_transport::Io;

use super::raw_driver::{FEATURES_OK, INFLATE, assert_no_violations, live_8_mib, reg, start};

#[test]
fn the_registers_identify_a_balloon() {
    let (device, driver) = live_8_mib();
    assert_eq!(driver.identify(), [0x7472_6976, 2, 5]);
    assert_eq!(driver.offered(), features::VERSION_1 | features::MUST_TELL_HOST);
    assert_eq!(driver.io.len(), 0x108);
    assert_no_violations(&device);
}

#[test]
fn the_configuration_space_ends_after_the_last_offered_field() {
    for (offered, end) in [(0, 8), (features::FREE_PAGE_HINT, 12), (features::PAGE_POISON, 16)] {
        let device = BalloonDevice::builder().features(features::VERSION_1 | offered).inline().start().unwrap();
        assert_eq!(device.registers().len(), 0x100 + end);
    }
}

#[test]
fn pages_in_any_order_are_discarded() {
    let (device, mut driver) = live_8_mib();
    driver.memory.fill(1024..1040, 1);
    let pages = [1030, 1029, 1028, 1033, 1034, 1024, 1031, 1036];
    driver.send(INFLATE, &pages);
    for page in 1024..1040 {
        assert_eq!(driver.memory.is_resident(page.into()), !pages.contains(&page), "page {page}");
    }
    assert_no_violations(&device);
}

#[test]
fn the_log_has_all_events_in_order() {
    let (device, mut driver) = live_8_mib();
    device.set_target(2);
    driver.send(INFLATE, &[1024, 1025]);
    driver.io.write32(reg::ACTUAL, 2);
    let offered = features::VERSION_1 | features::MUST_TELL_HOST;
    let expected = [
        Event::Reset { ballooned: 0 },
        Event::StatusWritten(1),
        Event::StatusWritten(3),
        Event::StatusWritten(11),
        Event::FeaturesAccepted(offered),
        Event::QueueEnabled { queue: 0, size: 8 },
        Event::QueueEnabled { queue: 1, size: 8 },
        Event::StatusWritten(15),
        Event::TargetChanged(2),
        Event::Interrupt(Cause::Configuration),
        Event::Notified { queue: 0 },
        Event::Inflated { pfns: vec![1024, 1025] },
        Event::Completed { queue: 0, head: 0 },
        Event::Interrupt(Cause::UsedBuffer),
        Event::ActualWritten(2),
    ];
    assert_eq!(device.events(), expected);
    assert_eq!(device.actual(), 2);
    assert_no_violations(&device);
}

#[test]
fn interrupt_status_is_set_until_acknowledged() {
    let (device, mut driver) = live_8_mib();
    device.set_target(7);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 2);
    driver.send(INFLATE, &[1024]);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 3);
    driver.io.write32(reg::INTERRUPT_ACK, 2);
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 1);
    assert_eq!(device.interrupt_line().count(), 2);
    assert_eq!(driver.io.read32(reg::NUM_PAGES), 7);
}

#[test]
fn the_generation_changes_with_the_target_only() {
    let (device, driver) = live_8_mib();
    let before = driver.io.read32(reg::GENERATION);
    assert_eq!(driver.io.read32(reg::GENERATION), before);
    device.set_target(1);
    assert_ne!(driver.io.read32(reg::GENERATION), before);
}

#[test]
fn a_reset_clears_the_balloon_and_keeps_the_target() {
    let (device, mut driver) = live_8_mib();
    device.set_target(5);
    driver.send(INFLATE, &[1024, 1025]);
    driver.io.write32(reg::ACTUAL, 2);
    device.clear_events();
    driver.io.write32(reg::STATUS, 0);
    assert_eq!(device.events(), [Event::Reset { ballooned: 2 }]);
    assert_eq!((device.status(), device.actual(), device.target(), device.host_page_count()), (0, 0, 5, 0));
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 0);
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    assert_eq!(device.host_page_count(), 1);
    assert_no_violations(&device);
}

#[test]
fn features_without_version_1_are_rejected() {
    let (device, mut driver) = start(BalloonDevice::builder().memory(8 << 20).inline());
    assert_eq!(driver.negotiate(features::MUST_TELL_HOST) & FEATURES_OK, 0);
    assert!(device.events().contains(&Event::FeaturesRejected(features::MUST_TELL_HOST)));
    assert_eq!(driver.negotiate(features::VERSION_1) & FEATURES_OK, FEATURES_OK);
    assert_no_violations(&device);
}

#[test]
fn a_queue_can_be_disabled_and_set_up_again() {
    let (device, driver) = live_8_mib();
    driver.io.write32(reg::STATUS, 0);
    let mut driver = driver;
    driver.negotiate(features::VERSION_1);
    driver.set_up_queue(INFLATE);
    driver.io.write32(reg::QUEUE_READY, 0);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 0);
    driver.set_up_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_READY), 1);
    assert!(device.events().contains(&Event::QueueDisabled { queue: INFLATE }));
    assert_no_violations(&device);
}

#[test]
fn a_missing_queue_has_size_0() {
    let (device, driver) = live_8_mib();
    driver.io.write32(reg::QUEUE_SEL, 2);
    assert_eq!(driver.io.read32(reg::QUEUE_SIZE_MAX), 0);
    assert_no_violations(&device);
}

#[test]
fn invalid_properties_are_rejected() {
    assert!(matches!(BalloonDevice::builder().queue_size(100).start(), Err(StartError::QueueSize(100))));
    assert!(matches!(BalloonDevice::builder().queue_size(0).start(), Err(StartError::QueueSize(0))));
    assert!(matches!(BalloonDevice::builder().memory(1).start(), Err(StartError::Memory(_))));
}
