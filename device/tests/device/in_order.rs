//! Buffers in the order in which they were made available: IN_ORDER.

use std::time::Duration;

use aerostat_device::{BalloonDevice, Builder, QueueFault, Registers, RingViolation, UsedEntries, features};

use super::SHAPE;
use super::by_hand::{ByHand, INFLATE, REPORTING, SIZE, Used, assert_broken, assert_violations, builder, live_and_working};
use crate::Shape;

const LIMIT: Duration = Duration::from_secs(10);

fn live(builder: Builder) -> (BalloonDevice, ByHand<Registers>) {
    live_and_working(builder, features::IN_ORDER | features::PAGE_REPORTING)
}

/// Makes arrays of one page available: one for each index, at the descriptor of that index.
fn offer(driver: &mut ByHand<Registers>, indexes: impl IntoIterator<Item = u16>) {
    for index in indexes {
        driver.offer(INFLATE, index % SIZE, &[1024 + u32::from(index)]);
    }
}

fn ids(driver: &ByHand<Registers>, count: u16) -> Vec<u32> {
    driver.used(INFLATE, count).iter().map(|used| used.id).collect()
}

#[test]
fn a_buffer_waits_for_those_before_it() {
    let (device, mut driver) = live(builder().misbehave(QueueFault::Delay(5).at(0)).manual());
    offer(&mut driver, 0..3);
    driver.notify(INFLATE);
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), device.host_page_count()), (0, 0));
    // Another queue has an order of its own.
    driver.offer_run(REPORTING, 0, 1200..1201);
    driver.notify(REPORTING);
    while device.step() {}
    assert_eq!((driver.used_index(INFLATE), driver.used_index(REPORTING)), (0, 1));
    device.settle(LIMIT).unwrap();
    assert_eq!(ids(&driver, 3), [0, 1, 2]);
    assert_violations(&device, &[]);
}

#[test]
fn what_waits_for_a_buffer_that_never_comes_is_no_work() {
    for builder in [builder().threaded(), builder().manual()] {
        let (device, mut driver) = live(builder.misbehave(QueueFault::NeverAnswers.at(0)));
        offer(&mut driver, 0..3);
        driver.notify(INFLATE);
        device.settle(LIMIT).unwrap();
        assert_eq!(driver.used_index(INFLATE), 0);
    }
}

#[test]
fn a_batch_comes_back_by_its_last_buffer() {
    let (device, mut driver) = live(builder().used_entries(UsedEntries::OnePerBatch).inline());
    offer(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(device.host_page_count(), 3);
    assert_eq!(device.interrupt_line().count(), 1);
    if SHAPE == Shape::Split {
        assert_eq!(driver.used_index(INFLATE), 3);
    }
    // The entry is where that of the first buffer would be.
    assert_eq!(driver.used(INFLATE, 1), [Used { id: 2, written: 0 }]);
    assert_violations(&device, &[]);
}

#[test]
fn batches_go_around_the_ring() {
    let (device, mut driver) = live(builder().used_entries(UsedEntries::OnePerBatch).inline());
    let mut first = 0;
    for length in [3, 4, 1, 5, 8, 2, 6] {
        offer(&mut driver, first..first + length);
        driver.notify(INFLATE);
        first += length;
        let last = u32::from((first - 1) % SIZE);
        match SHAPE {
            Shape::Packed => {
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
    assert_violations(&device, &[]);
}

#[test]
fn without_the_feature_each_buffer_has_its_entry() {
    let (device, mut driver) = live_and_working(builder().used_entries(UsedEntries::OnePerBatch).inline(), 0);
    offer(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(ids(&driver, 3), [0, 1, 2]);
    assert_violations(&device, &[]);
}

#[test]
fn a_device_can_break_its_word() {
    let (_device, mut driver) = live(builder().misbehave(QueueFault::OutOfOrder).inline());
    offer(&mut driver, 0..3);
    driver.notify(INFLATE);
    assert_eq!(ids(&driver, 3), [2, 1, 0]);
}

#[test]
fn a_table_is_used_in_order() {
    let (device, mut driver) = live(builder().inline());
    offer(&mut driver, [0, 1, 3, 4]);
    driver.notify(INFLATE);
    let expected = [RingViolation::Unordered { queue: INFLATE, head: 3 }];
    // The ids of a packed ring have no order.
    assert_broken(&device, expected.into_iter().filter(|_| SHAPE == Shape::Split));

    // A chain, from its first descriptor to another one than the next.
    let (device, mut driver) = live(builder().inline());
    driver.describe(REPORTING, 0, 1200 << 12, 4096, 3, 2);
    driver.describe(REPORTING, 2, 1201 << 12, 4096, 2, 0);
    driver.offer_head(REPORTING, 0);
    driver.notify(REPORTING);
    let expected = [RingViolation::Unordered { queue: REPORTING, head: 0 }];
    assert_broken(&device, expected.into_iter().filter(|_| SHAPE == Shape::Split));
}
