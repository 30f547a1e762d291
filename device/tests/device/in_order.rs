//! Completion in the order in which buffers were made available: IN_ORDER.

use std::time::Duration;

use aerostat_device::{BalloonDevice, Builder, QueueFault, Registers, RingViolation, UsedEntries, features};

use super::FORMAT;
use super::raw_driver::{
    INFLATE, REPORTING, RawDriver, SIZE, Used, assert_no_violations, assert_violations, builder, live_in_mode,
};
use crate::Format;

const LIMIT: Duration = Duration::from_secs(10);

fn live(builder: Builder) -> (BalloonDevice, RawDriver<Registers>) {
    live_in_mode(builder, features::IN_ORDER | features::PAGE_REPORTING)
}

/// Adds an array of one page for each index, with the descriptor of that index.
fn add_arrays(driver: &mut RawDriver<Registers>, indexes: impl IntoIterator<Item = u16>) {
    for index in indexes {
        driver.add_array(INFLATE, index % SIZE, &[1024 + u32::from(index)]);
    }
}

fn ids(driver: &RawDriver<Registers>, count: u16) -> Vec<u32> {
    driver.used(INFLATE, count).iter().map(|used| used.id).collect()
}

#[test]
fn a_buffer_waits_for_earlier_buffers() {
    let (device, mut driver) = live(builder().inject(QueueFault::DelaysCompletion(5).at(0)).manual());
    add_arrays(&mut driver, 0..3);
    driver.notify(INFLATE);
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
    // The order is per queue.
    driver.add_run(REPORTING, 0, 1200..1201);
    driver.notify(REPORTING);
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (0, 1));
    device.settle(LIMIT).unwrap();
    assert_eq!(ids(&driver, 3), [0, 1, 2]);
    assert_no_violations(&device);
}

#[test]
fn buffers_behind_a_lost_buffer_are_not_pending_work() {
    for builder in [builder().threaded(), builder().manual()] {
        let (device, mut driver) = live(builder.inject(QueueFault::NeverCompletes.at(0)));
        add_arrays(&mut driver, 0..3);
        driver.notify(INFLATE);
        device.settle(LIMIT).unwrap();
        assert_eq!(driver.used_index(INFLATE), 0);
    }
}

#[test]
fn a_batch_is_completed_by_its_last_buffer() {
    let (device, mut driver) = live(builder().used_entries(UsedEntries::OnePerBatch).inline());
    add_arrays(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(device.host_page_count(), 3);
    assert_eq!(device.interrupt_line().count(), 1);
    if FORMAT == Format::Split {
        assert_eq!(driver.used_index(INFLATE), 3);
    }
    // The used entry is at the position of the first buffer.
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 2, written: 0 }]);
    assert_no_violations(&device);
}

#[test]
fn batches_wrap_around_the_ring() {
    let (device, mut driver) = live(builder().used_entries(UsedEntries::OnePerBatch).inline());
    let mut first = 0;
    for length in [3, 4, 1, 5, 8, 2, 6] {
        add_arrays(&mut driver, first..first + length);
        driver.notify(INFLATE);
        first += length;
        let last = u32::from((first - 1) % SIZE);
        match FORMAT {
            Format::Packed => {
                driver.expect_batch(INFLATE, length);
                assert_eq!(driver.used(INFLATE, u16::MAX).last(), Some(&Used { id: last, written: 0 }));
            }
            _ => {
                assert_eq!(driver.used_index(INFLATE), first);
                assert_eq!(driver.used(INFLATE, SIZE)[usize::from((first - length) % SIZE)].id, last);
            }
        }
    }
    assert_eq!(device.host_page_count(), 29);
    assert_no_violations(&device);
}

#[test]
fn without_the_feature_each_buffer_has_a_used_entry() {
    let (device, mut driver) = live_in_mode(builder().used_entries(UsedEntries::OnePerBatch).inline(), 0);
    add_arrays(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(ids(&driver, 3), [0, 1, 2]);
    assert_no_violations(&device);
}

#[test]
fn a_fault_can_break_the_order() {
    let (_device, mut driver) = live(builder().inject(QueueFault::CompletesInReverse).inline());
    add_arrays(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(ids(&driver, 3), [2, 1, 0]);
}

#[test]
fn descriptors_out_of_order_are_violations() {
    let (device, mut driver) = live(builder().inline());
    add_arrays(&mut driver, [0, 1, 3, 4]);
    driver.notify(INFLATE);
    let expected = [RingViolation::OutOfOrder { queue: INFLATE, head: 3 }];
    // Buffer ids of a packed ring have no order.
    assert_violations(&device, expected.into_iter().filter(|_| FORMAT == Format::Split));

    // A chain whose second descriptor does not follow the first one.
    let (device, mut driver) = live(builder().inline());
    driver.describe(REPORTING, 0, 1200 << 12, 4096, 3, 2);
    driver.describe(REPORTING, 2, 1201 << 12, 4096, 2, 0);
    driver.add_head(REPORTING, 0);
    driver.notify(REPORTING);
    let expected = [RingViolation::OutOfOrder { queue: REPORTING, head: 0 }];
    assert_violations(&device, expected.into_iter().filter(|_| FORMAT == Format::Split));
}
