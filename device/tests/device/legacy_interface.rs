//! The legacy registers (4.2.4).

use aerostat_device::{
    Access, BalloonDevice, Event, LegacyViolation, Numbering, QueueKind, QueueViolation, RegisterViolation, Registers,
    StatusViolation, Violation, features,
};
use aerostat_transport::Io;

use crate::legacy::raw_driver::{
    ACKNOWLEDGE, DRIVER, FEATURES_OK, INFLATE, LIVE, RawDriver, assert_no_violations, assert_violations, builder, live,
    live_8_mib, reg, start,
};

type Driver = RawDriver<Registers>;

/// Returns a device after feature negotiation, without queues.
fn negotiated() -> (BalloonDevice, Driver) {
    let (device, mut driver) = start(builder().inline());
    driver.negotiate(features::MUST_TELL_HOST);
    (device, driver)
}

#[test]
fn version_1_offers_32_feature_bits() {
    let (device, mut driver) = start(builder().add_features(features::RING_PACKED | features::EVENT_IDX).inline());
    assert_eq!(driver.identify(), [0x7472_6976, 1, 5]);
    assert_eq!(driver.offered(), features::MUST_TELL_HOST | features::EVENT_IDX);
    driver.bring_up();
    assert_eq!(driver.io.read32(reg::STATUS), LIVE);
    assert_no_violations(&device);
}

#[test]
fn initialization_works_without_features_ok() {
    let (device, mut driver) = live_8_mib();
    driver.send(INFLATE, &[1024]);
    let expected = [
        Event::Reset { ballooned: 0 },
        Event::StatusWritten(1),
        Event::StatusWritten(3),
        Event::FeaturesAccepted(features::MUST_TELL_HOST),
        Event::QueueEnabled { queue: 0, size: 8 },
        Event::QueueEnabled { queue: 1, size: 8 },
        Event::StatusWritten(7),
    ];
    assert_eq!(device.events()[..7], expected);
    assert!(device.has_page(1024));
    assert_no_violations(&device);
}

#[test]
fn each_version_has_only_its_own_registers() {
    let (device, driver) = negotiated();
    let (read, write) = (Access::Read, Access::Write);
    driver.io.read32(reg::QUEUE_READY);
    driver.io.write32(reg::QUEUE_DESC, 0);
    driver.io.read32(reg::SHM_LEN);
    driver.io.read32(reg::GENERATION);
    let undefined = |access, offset| RegisterViolation::Undefined { access, offset };
    let expected = [(read, reg::QUEUE_READY), (write, reg::QUEUE_DESC), (read, reg::SHM_LEN), (read, reg::GENERATION)];
    assert_violations(&device, expected.map(|(access, offset)| undefined(access, offset)));

    let (device, driver) = crate::split::raw_driver::live_8_mib();
    let offsets = [reg::GUEST_PAGE_SIZE, reg::QUEUE_ALIGN, reg::QUEUE_PFN];
    for offset in offsets {
        driver.io.write32(offset, 4096);
    }
    assert_violations(&device, offsets.map(|offset| undefined(write, offset)));
}

#[test]
fn setting_features_ok_is_a_violation() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    assert_eq!(driver.io.read32(reg::STATUS), ACKNOWLEDGE | DRIVER);
    assert_violations(&device, [StatusViolation::OutOfOrder { from: 3, to: 11 }]);
}

#[test]
fn unoffered_and_late_features_are_violations() {
    let (device, driver) = negotiated();
    driver.accept(features::STATS_VQ);
    let offered = features::MUST_TELL_HOST;
    let foreign = StatusViolation::FeaturesNotOffered { accepted: features::STATS_VQ, offered };
    assert_violations(&device, [foreign]);
    driver.accept(0);
    driver.set_up_queue(INFLATE);
    driver.accept(features::MUST_TELL_HOST);
    assert_violations(&device, [foreign, StatusViolation::FeaturesAfterFeaturesOk]);
    assert_eq!(device.accepted_features(), 0);
}

#[test]
fn queues_can_be_numbered_over_accepted_features() {
    let offered = features::STATS_VQ | features::PAGE_REPORTING;
    let (device, mut driver) = start(builder().features(offered).numbering(Numbering::DenseOverNegotiated).inline());
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(3));
    driver.negotiate(features::PAGE_REPORTING);
    assert_eq!(device.queue_number(QueueKind::Reporting), Some(2));
    assert_no_violations(&device);
}

#[test]
fn the_page_size_is_written_first_and_does_not_change() {
    let (device, driver) = start(builder().inline());
    driver.identify();
    for status in [ACKNOWLEDGE, ACKNOWLEDGE | DRIVER] {
        driver.io.write32(reg::STATUS, status);
    }
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_PFN, 0x200);
    driver.io.write32(reg::GUEST_PAGE_SIZE, 3000);
    driver.io.write32(reg::GUEST_PAGE_SIZE, 4096);
    driver.io.write32(reg::QUEUE_PFN, 0x200);
    driver.io.write32(reg::GUEST_PAGE_SIZE, 8192);
    assert_violations(
        &device,
        [
            LegacyViolation::GuestPageSizeNotWritten { queue: 0 },
            LegacyViolation::GuestPageSize { bytes: 3000 },
            LegacyViolation::GuestPageSize { bytes: 8192 },
        ],
    );
}

#[test]
fn page_size_and_alignment_determine_the_queue_layout() {
    let (device, mut driver) = negotiated();
    driver.io.write32(reg::GUEST_PAGE_SIZE, 0x1_0000);
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_ALIGN, 64);
    driver.io.write32(reg::QUEUE_PFN, 0x20);
    assert_eq!(driver.io.read32(reg::QUEUE_PFN), 0x20);
    driver.io.write32(reg::STATUS, LIVE);
    driver.send(INFLATE, &[1024]);
    // 8 descriptors and an available ring of 22 bytes, rounded up to a multiple of 64.
    let used = Driver::area(INFLATE) + 192;
    assert_eq!((driver.read_u16(used + 2), driver.read_u16(used + 4)), (1, 0));
    assert_no_violations(&device);
}

#[test]
fn an_invalid_alignment_is_a_violation() {
    for align in [0, 100] {
        let (device, driver) = negotiated();
        driver.prepare_queue(INFLATE);
        driver.io.write32(reg::QUEUE_ALIGN, align);
        driver.io.write32(reg::QUEUE_PFN, 0x200);
        assert_eq!(driver.io.read32(reg::QUEUE_PFN), 0);
        assert_violations(&device, [LegacyViolation::QueueAlign { queue: 0, align }]);
    }
}

#[test]
fn a_queue_outside_memory_is_a_violation() {
    let (device, driver) = negotiated();
    driver.prepare_queue(INFLATE);
    driver.io.write32(reg::QUEUE_PFN, 0x7ff);
    driver.io.write32(reg::QUEUE_PFN, u32::MAX);
    assert!(matches!(
        device.violations()[..],
        [Violation::Queue(QueueViolation::Address { .. }), Violation::Queue(QueueViolation::Address { .. })]
    ));
}

#[test]
fn access_to_a_ready_queue_is_a_violation() {
    let (device, driver) = negotiated();
    driver.set_up_queue(INFLATE);
    assert_eq!(driver.io.read32(reg::QUEUE_PFN), 0x200);
    driver.io.read32(reg::QUEUE_SIZE_MAX);
    driver.io.write32(reg::QUEUE_ALIGN, 4096);
    let expected =
        [reg::QUEUE_SIZE_MAX, reg::QUEUE_ALIGN].map(|offset| QueueViolation::WhileReady { queue: 0, offset });
    assert_violations(&device, expected);
}

#[test]
fn a_queue_can_be_disabled_and_set_up_again() {
    let (device, mut driver) = live(builder());
    driver.negotiate(0);
    driver.set_up_queue(INFLATE);
    driver.io.write32(reg::QUEUE_PFN, 0);
    assert_eq!(driver.io.read32(reg::QUEUE_PFN), 0);
    driver.set_up_queue(INFLATE);
    assert!(device.events().contains(&Event::QueueDisabled { queue: INFLATE }));
    assert_no_violations(&device);
}

#[test]
fn unchecked_early_and_late_queues_are_violations() {
    let (device, driver) = negotiated();
    driver.io.write32(reg::QUEUE_SEL, 0);
    driver.io.write32(reg::QUEUE_SIZE, 8);
    driver.io.write32(reg::QUEUE_ALIGN, 4096);
    driver.io.write32(reg::QUEUE_PFN, 0x200);
    assert_violations(&device, [QueueViolation::NotChecked { queue: 0 }]);

    let (device, driver) = live_8_mib();
    driver.io.write32(reg::QUEUE_SEL, 1);
    driver.io.write32(reg::QUEUE_PFN, 0x300);
    driver.io.write32(reg::STATUS, 0);
    driver.io.write32(reg::QUEUE_SEL, 1);
    driver.io.write32(reg::QUEUE_PFN, 0x300);
    let out = |status| QueueViolation::OutOfTurn { queue: 1, offset: reg::QUEUE_PFN, status };
    assert_violations(&device, [out(7), out(0)]);
}
