//! The quirks of deployed devices, one by one.

use std::time::Duration;

use aerostat_device::{
    BalloonDevice, Builder, Cause, Event, FreePageViolation, Numbering, PageViolation, QueueKind, QueueViolation, Quirk,
    Quirks, RegisterFault, Registers, StatusViolation, Violation, When, features,
};
use aerostat_transport::Io;

use super::FORMAT;
use super::raw_driver::{
    ACKNOWLEDGE, Bytes, DRIVER_OK, FORMAT_FEATURES, FREE_PAGE, INFLATE, LIVE, NEEDS_RESET, POISON, REPORTING,
    RawDriver, STATISTICS, Used, assert_no_violations, assert_violations, builder, live, live_8_mib, live_with, reg,
    start,
};
use crate::Format;

const ALL: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
const FAILED: u32 = 128;

fn offering(offered: u64) -> Builder {
    builder().features(features::VERSION_1 | FORMAT_FEATURES | offered)
}

/// Returns the status, without an acknowledgement of the interrupt.
fn status(driver: &RawDriver<Registers>) -> u32 {
    driver.io.read32(reg::STATUS)
}

#[test]
fn all_queues_have_to_be_ready() {
    let (device, mut driver) = start(offering(ALL).quirk(Quirk::NeedsAllQueues).inline());
    driver.bring_up_with(features::VERSION_1);
    assert_eq!(status(&driver), LIVE | NEEDS_RESET);
    assert_eq!(device.events().last(), Some(&Event::Interrupt(Cause::Configuration)));
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0), "notifications are ignored");

    // The driver makes all queues ready, and uses those of its features.
    assert_eq!(driver.negotiate(features::VERSION_1), LIVE & !DRIVER_OK);
    (INFLATE..=REPORTING).for_each(|queue| driver.set_up_queue(queue));
    driver.set_driver_ok();
    assert_eq!(status(&driver), LIVE);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_no_violations(&device);
    driver.add_run(REPORTING, 0, 1025..1026);
    driver.notify(REPORTING);
    assert_eq!(driver.used_index(REPORTING), 0);
    assert_violations(&device, [QueueViolation::UsedWithoutFeature { queue: REPORTING }]);
}

#[test]
fn all_queues_include_further_ones() {
    let builder = builder().quirk(Quirk::NeedsAllQueues).numbering(Numbering::DenseOverOffered).further_queues(1);
    let (device, mut driver) = start(builder.inline());
    driver.bring_up();
    assert_eq!(status(&driver), LIVE | NEEDS_RESET);
    driver.negotiate(features::VERSION_1);
    (0..3).for_each(|queue| driver.set_up_queue(queue));
    driver.set_driver_ok();
    assert_eq!(status(&driver), LIVE);
    assert_no_violations(&device);
}

#[test]
fn unused_queues_can_be_rejected() {
    let (device, mut driver) = start(offering(ALL).quirk(Quirk::RejectsUnusedQueues).inline());
    driver.bring_up_with(features::VERSION_1);
    driver.send(INFLATE, &[1024]);
    assert_eq!((status(&driver), device.host_page_count()), (LIVE, 1));
    assert_no_violations(&device);
    driver.negotiate(features::VERSION_1);
    (INFLATE..=STATISTICS).for_each(|queue| driver.set_up_queue(queue));
    driver.set_driver_ok();
    assert_eq!(status(&driver), LIVE | NEEDS_RESET);
    assert_violations(&device, [QueueViolation::WithoutFeature { queue: STATISTICS.into() }]);
}

#[test]
fn a_failed_activation_can_be_final() {
    let quirks = [Quirk::NeedsAllQueues, Quirk::FailsActivation, Quirk::CannotReset].into_iter().collect();
    let (device, mut driver) = start(offering(ALL).quirks(quirks).inline());
    driver.bring_up_with(features::VERSION_1);
    assert_eq!(status(&driver), LIVE | FAILED);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!(status(&driver), LIVE | FAILED);
    assert_no_violations(&device);
}

#[test]
fn a_device_can_refuse_a_reset_during_initialization() {
    for (quirk, expected) in [(Quirk::CannotResetLive, 0), (Quirk::CannotReset, ACKNOWLEDGE | FAILED)] {
        let (device, driver) = start(builder().quirk(quirk).inline());
        driver.identify();
        driver.io.write32(reg::STATUS, 0);
        assert_eq!(status(&driver), 0, "{quirk:?}");
        driver.io.write32(reg::STATUS, ACKNOWLEDGE);
        driver.io.write32(reg::STATUS, 0);
        assert_eq!(status(&driver), expected, "{quirk:?}");
        assert_no_violations(&device);
    }
}

#[test]
fn the_number_of_queues_can_stay() {
    let numbering = |quirks: Quirks| offering(ALL).numbering(Numbering::DenseOverNegotiated).quirks(quirks).inline();
    let reporting = features::VERSION_1 | features::PAGE_REPORTING;
    for (quirks, expected) in [
        (Quirks::NONE, [true, true, true, false, false, false]),
        (Quirk::KeepsQueueCount.into(), [true, true, true, true, true, false]),
    ] {
        let (device, mut driver) = start(numbering(quirks));
        assert_eq!(driver.existing_queues(reporting), expected, "{quirks:?}");
        assert_eq!(device.queue_number(QueueKind::Reporting), Some(2));
        if expected[4] {
            driver.set_up_queue(4);
            assert_violations(&device, [QueueViolation::WithoutFeature { queue: 4 }]);
        }
    }
}

#[test]
fn a_queue_reset_can_be_ignored() {
    if FORMAT == Format::Legacy {
        return;
    }
    let builder = builder().quirk(Quirk::IgnoresQueueReset);
    let (device, mut driver) = live_with(builder, features::RING_RESET);
    driver.send(INFLATE, &[1024]);
    driver.io.write32(reg::QUEUE_SEL, INFLATE.into());
    driver.io.write32(reg::QUEUE_RESET, 1);
    assert_eq!((driver.io.read32(reg::QUEUE_RESET), driver.io.read32(reg::QUEUE_READY)), (0, 1));
    driver.send(INFLATE, &[1025]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (2, 2));
    assert_no_violations(&device);
    // A driver that takes the reset for complete is detected.
    driver.io.write32(reg::QUEUE_SIZE, 8);
    let late = QueueViolation::OutOfTurn { queue: INFLATE.into(), offset: reg::QUEUE_SIZE, status: LIVE };
    assert_violations(&device, [late]);
}

#[test]
fn the_poison_value_can_be_refused() {
    let offered = features::PAGE_POISON | features::PAGE_REPORTING;
    let (device, mut driver) = live_with(builder().quirk(Quirk::RefusesPoison), offered);
    assert_eq!((driver.io.read32(reg::POISON_VAL), device.poison()), (0, None));
    assert!(device.events().contains(&Event::PoisonWritten(POISON)));
    device.inject(RegisterFault::PoisonVal(7));
    assert_eq!(driver.io.read32(reg::POISON_VAL), 7);
    driver.memory.fill_with(1024..1025, POISON);
    driver.add_run(REPORTING, 0, 1024..1025);
    driver.notify(REPORTING);
    assert!(!driver.memory.is_resident(1024), "the contents of reported pages are lost");
    assert_no_violations(&device);
    driver.add_run(REPORTING, 0, 1 << 20..(1 << 20) + 1);
    driver.notify(REPORTING);
    let outside = matches!(
        device.violations()[..],
        [Violation::FreePages(FreePageViolation::Range { queue: REPORTING, .. })]
    );
    assert!(outside, "{:?}", device.violations());
}

/// Returns the used entries of an array, a report and a hint.
fn used_entries(quirks: Quirks) -> [Vec<Used>; 3] {
    let (device, mut driver) = live_with(builder().quirks(quirks), ALL);
    driver.send(INFLATE, &[1024, 1025, 1026]);
    driver.add_run(REPORTING, 0, 1030..1032);
    driver.notify(REPORTING);
    let id = device.start_hinting();
    driver.io.read32(reg::HINT_COMMAND);
    driver.add_bytes(FREE_PAGE, 0, &id.bytes());
    driver.add_run(FREE_PAGE, 1, 1040..1041);
    driver.notify(FREE_PAGE);
    assert_no_violations(&device);
    [(INFLATE, 1), (REPORTING, 1), (FREE_PAGE, 2)].map(|(queue, count)| {
        assert_eq!(driver.used_index(queue), count);
        driver.used(queue, count)
    })
}

#[test]
fn lengths_can_be_reported_for_bytes_that_were_not_written() {
    let used = |id, written| Used { id, written };
    assert_eq!(used_entries(Quirks::NONE), [vec![used(0, 0)], vec![used(0, 0)], vec![used(0, 0), used(1, 0)]]);
    let expected = [vec![used(0, 12)], vec![used(0, 8192)], vec![used(0, 4), used(1, 4096)]];
    assert_eq!(used_entries(Quirk::ReportsUnwrittenBytes.into()), expected);
}

#[test]
fn a_packed_ring_can_lack_the_write_flag() {
    if FORMAT != Format::Packed {
        return;
    }
    let quirks = Quirks::from(Quirk::ReportsUnwrittenBytes).with(Quirk::OmitsWriteFlag);
    // The raw driver reads the length only with the flag.
    assert_eq!(used_entries(quirks)[0], [Used { id: 0, written: 0 }]);
    let (_, mut driver) = live(builder().quirks(quirks));
    driver.send(INFLATE, &[1024]);
    let mut length = [0; 4];
    driver.memory.read(RawDriver::<Registers>::area(INFLATE) + 8, &mut length).unwrap();
    assert_eq!(u32::from_le_bytes(length), 4);
}

#[test]
fn long_arrays_can_be_kept() {
    let pages: Vec<u32> = (1024..1281).collect();
    for (quirks, used) in [(Quirks::NONE, 1), (Quirk::KeepsLongArrays.into(), 0)] {
        let (device, mut driver) = live(builder().quirks(quirks));
        driver.send(INFLATE, &pages);
        assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (used, usize::from(used) * 257));
        let expected = PageViolation::ArrayTooLong { queue: INFLATE, head: 0, entries: 257 };
        assert_eq!(device.violations().last(), Some(&expected.into()));
        driver.add_array(INFLATE, 1, &pages[..256]);
        driver.notify(INFLATE);
        assert_eq!(driver.used_index(INFLATE), used + 1);
    }
}

#[test]
fn a_live_device_can_refuse_every_reset() {
    let (device, mut driver) = live(builder().quirk(Quirk::CannotResetLive));
    driver.send(INFLATE, &[1024]);
    driver.io.write32(reg::STATUS, 0);
    assert_eq!(status(&driver), LIVE | FAILED);
    driver.send(INFLATE, &[1025]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (2, 2));
    assert_no_violations(&device);
}

#[test]
fn a_reset_can_be_refused_for_a_time() {
    let (device, mut driver) = live_8_mib();
    device.inject(RegisterFault::RefusesReset);
    driver.io.write32(reg::STATUS, 0);
    assert_eq!((0..100).map(|_| status(&driver)).max(), Some(LIVE));
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    device.clear_faults();
    assert_eq!(status(&driver), LIVE, "the device has forgotten the reset");
    driver.io.write32(reg::STATUS, 0);
    assert_eq!((status(&driver), device.host_page_count()), (0, 0));
    assert_no_violations(&device);
}

#[test]
fn a_reset_can_take_place_late() {
    let (device, mut driver) = live_8_mib();
    device.inject(RegisterFault::DelaysReset(3));
    driver.io.write32(reg::STATUS, 0);
    assert_eq!((status(&driver), status(&driver)), (LIVE, LIVE));
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1), "the device still works");
    driver.io.write32(reg::STATUS, 0);
    assert_eq!((status(&driver), status(&driver)), (LIVE, 0), "a repeated reset does not start again");
    assert_eq!(device.host_page_count(), 0);
    assert_no_violations(&device);
    driver.notify(INFLATE);
    assert_violations(&device, [QueueViolation::NotifiedBeforeDriverOk { queue: 0, status: 0 }]);
}

#[test]
fn the_host_can_reset_a_live_device() {
    let (device, mut driver) = live_8_mib();
    device.set_target(9);
    driver.io.write32(reg::ACTUAL, 1);
    driver.send(INFLATE, &[1024]);
    let interrupts = device.interrupt_line().count();
    device.host_reset();
    assert_eq!((device.host_page_count(), device.actual(), device.target()), (0, 0, 9));
    assert_eq!(device.interrupt_line().count(), interrupts, "without an interrupt");
    assert!(device.events().contains(&Event::HostReset { ballooned: 1 }));
    // A driver that does not know of the reset breaks no rule.
    driver.send(INFLATE, &[1025]);
    driver.io.write32(reg::ACTUAL, 2);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 0));
    assert_no_violations(&device);
    // Now it knows.
    assert_eq!(status(&driver), 0);
    driver.notify(INFLATE);
    assert_violations(&device, [QueueViolation::NotifiedBeforeDriverOk { queue: 0, status: 0 }]);
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_eq!(device.violations().len(), 1);
}

#[test]
fn a_reset_by_the_host_can_raise_an_interrupt() {
    let (device, driver) = live_8_mib();
    device.host_reset();
    device.raise_interrupt(Cause::Configuration);
    assert_eq!((device.interrupt_line().count(), driver.io.read32(reg::INTERRUPT_STATUS)), (1, 2));
    assert_eq!(status(&driver), 0);
    assert_no_violations(&device);
}

#[test]
fn the_host_can_reset_a_device_during_its_initialization() {
    let (device, mut driver) = start(builder().inline());
    driver.bring_up_with(features::VERSION_1);
    driver.negotiate(features::VERSION_1);
    device.host_reset();
    driver.set_driver_ok();
    assert_eq!(status(&driver), 0, "a late step is ignored");
    assert_no_violations(&device);
    driver.set_driver_ok();
    let late = StatusViolation::OutOfOrder { from: 0, to: LIVE };
    assert_eq!(device.violations().first(), Some(&late.into()));

    let (device, driver) = start(builder().inline());
    driver.identify();
    device.host_reset();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    assert_eq!(status(&driver), ACKNOWLEDGE, "the first step does not depend on the state");
    assert_no_violations(&device);
}

#[test]
fn a_removed_device_reads_as_ones() {
    let (device, mut driver) = start(builder().manual());
    driver.bring_up();
    driver.send(INFLATE, &[1024]);
    assert!(device.step(), "the device has taken the buffer");
    device.remove();
    let registers = driver.io.clone();
    for offset in (0..0x108).step_by(4) {
        assert_eq!(registers.read32(offset), u32::MAX, "{offset:#x}");
    }
    assert_eq!((registers.read8(3), registers.read16(6), registers.len()), (0xff, 0xffff, 0x108));
    let before = {
        let mut ring = [0; 0x3000];
        driver.memory.read(RawDriver::<Registers>::area(INFLATE), &mut ring).unwrap();
        ring
    };
    driver.notify(INFLATE);
    driver.io.write32(reg::STATUS, 0);
    device.set_target(7);
    while device.step() {}
    let mut after = [0; 0x3000];
    driver.memory.read(RawDriver::<Registers>::area(INFLATE), &mut after).unwrap();
    assert!(before == after, "memory is not accessed any more");
    assert_eq!((status(&driver), device.interrupt_line().count(), device.host_page_count()), (u32::MAX, 0, 0));
    assert!(device.events().contains(&Event::Removed { ballooned: 0 }));
    assert_no_violations(&device);
}

#[test]
fn notifications_can_be_lost() {
    let (device, mut driver) = live_8_mib();
    device.inject(RegisterFault::LosesNotifications(When::At(1)));
    driver.add_array(INFLATE, 0, &[1024]);
    driver.notify(INFLATE);
    driver.add_array(INFLATE, 1, &[1025]);
    driver.notify(INFLATE);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    driver.notify(INFLATE);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (2, 2), "a repeated notification helps");

    device.inject(RegisterFault::LosesNotifications(When::Always));
    for index in 2..5 {
        driver.add_array(INFLATE, index, &[1024 + u32::from(index)]);
        driver.notify(INFLATE);
    }
    assert_eq!(driver.used_index(INFLATE), 2);
    device.clear_faults();
    driver.notify(INFLATE);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (5, 5));
    assert_no_violations(&device);
}

#[test]
fn a_lost_notification_of_statistics_is_not_the_fault_of_the_driver() {
    let lost = RegisterFault::LosesNotifications(When::At(0));
    let (device, driver) = live_with(builder().inject(lost), features::STATS_VQ);
    assert!(!device.request_statistics());
    driver.notify(STATISTICS);
    assert!(device.request_statistics());
    assert_no_violations(&device);
}

#[test]
fn unknown_statistics_are_accepted() {
    // crosvm: shared and unevictable memory.
    let values = [(65534, 5), (65535, 6), (4, 7), (5, 8)];
    let (device, mut driver) = start(offering(features::STATS_VQ).inline());
    driver.accept_features(features::VERSION_1 | features::STATS_VQ);
    driver.set_up_queues(0);
    driver.set_up_queue(STATISTICS);
    driver.add_statistics(0, &values);
    driver.set_driver_ok();
    driver.notify(STATISTICS);
    assert_eq!(device.statistics(), Some(values.to_vec()));
    assert_no_violations(&device);
}

#[test]
fn a_device_can_pause() {
    let (device, mut driver) = live_8_mib();
    device.pause();
    driver.send(INFLATE, &[1024]);
    device.settle(Duration::from_secs(1)).unwrap();
    assert_eq!((driver.used_index(INFLATE), status(&driver)), (0, LIVE));
    device.resume();
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_no_violations(&device);
}

#[test]
fn a_threaded_device_can_pause() {
    let (device, mut driver) = start(builder().threaded());
    driver.bring_up();
    device.pause();
    driver.send(INFLATE, &[1024]);
    assert_eq!(driver.used_index(INFLATE), 0);
    device.resume();
    device.interrupt_line().wait(0, Duration::from_secs(10)).unwrap();
    assert_eq!(driver.used_index(INFLATE), 1);
    assert_no_violations(&device);
}

fn after_firmware() -> (BalloonDevice, RawDriver<Registers>) {
    start(builder().quirk(Quirk::UsedByFirmware).inline())
}

#[test]
fn firmware_can_have_used_the_device() {
    let (device, mut driver) = after_firmware();
    driver.identify();
    assert_eq!((status(&driver), driver.io.read32(reg::INTERRUPT_STATUS)), (LIVE, 1));
    for queue in 0..2 {
        driver.io.write32(reg::QUEUE_SEL, queue);
        let ready = if FORMAT == Format::Legacy { reg::QUEUE_PFN } else { reg::QUEUE_READY };
        assert_ne!(driver.io.read32(ready), 0);
    }
    driver.bring_up();
    assert_eq!(driver.io.read32(reg::INTERRUPT_STATUS), 0);
    driver.send(INFLATE, &[1024]);
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (1, 1));
    assert_no_violations(&device);
}

#[test]
fn a_driver_has_to_reset_a_device_that_firmware_has_used() {
    let (device, driver) = after_firmware();
    driver.identify();
    driver.io.write32(reg::STATUS, ACKNOWLEDGE);
    assert_violations(&device, [StatusViolation::BitsCleared { from: LIVE, to: ACKNOWLEDGE }]);
}

#[test]
fn firmware_queues_fit_into_small_memory() {
    let (_, driver) = start(builder().memory(4096).queue_size(1).quirk(Quirk::UsedByFirmware).inline());
    driver.identify();
    assert_eq!(status(&driver), LIVE);
}
