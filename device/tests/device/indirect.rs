//! Indirect descriptors: INDIRECT_DESC.

use aerostat_device::{BalloonDevice, PAGE_BYTES, Registers, RingViolation, Violation, features};

use super::SHAPE;
use super::by_hand::{ByHand, Bytes, INFLATE, REPORTING, SIZE, assert_broken, assert_violations, builder, live_with};
use crate::Shape;

const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

fn live() -> (BalloonDevice, ByHand<Registers>) {
    let (device, driver) = live_with(builder(), features::INDIRECT_DESC | features::PAGE_REPORTING);
    driver.memory.write(0x30_0000, &[1024_u32.bytes(), 1025_u32.bytes()].concat()).unwrap();
    (device, driver)
}

#[test]
fn a_table_holds_a_whole_buffer() {
    let (device, mut driver) = live();
    driver.offer_indirect(INFLATE, 3, &[(0x30_0000, 8, 0)]);
    driver.notify(INFLATE);
    assert_eq!(device.host_pages(), [1024, 1025].into());
    let pages: Vec<_> = (1100..1100 + u64::from(SIZE)).map(|page| (page * PAGE_BYTES, 4096, WRITE)).collect();
    for round in 1..20 {
        driver.offer_indirect(REPORTING, round % SIZE, &pages);
        driver.notify(REPORTING);
        assert_eq!(driver.used_index(REPORTING), round);
    }
    assert!(pages.iter().all(|(address, ..)| !driver.memory.is_resident(address / PAGE_BYTES)));
    assert_eq!(driver.used(INFLATE, 1)[0].id, 3);
    assert_violations(&device, &[]);
}

#[test]
fn a_table_is_no_larger_than_the_queue() {
    let (device, mut driver) = live();
    let pages: Vec<_> = (1100..1101 + u64::from(SIZE)).map(|page| (page * PAGE_BYTES, 4096, WRITE)).collect();
    driver.offer_indirect(REPORTING, 0, &pages);
    driver.notify(REPORTING);
    let broken = Violation::BrokenChain { queue: REPORTING, head: 0 };
    // In a split ring the first descriptors are seen before the last one is.
    assert_eq!(device.violations().first(), Some(&broken));
}

#[test]
fn a_table_has_whole_descriptors() {
    for bytes in [0, 15, 17] {
        let (device, mut driver) = live();
        driver.describe(INFLATE, 0, 0x30_0000, bytes, INDIRECT, 0);
        driver.offer_head(INFLATE, 0);
        driver.notify(INFLATE);
        assert_violations(&device, &[Violation::BrokenChain { queue: INFLATE, head: 0 }]);
    }
}

#[test]
fn a_table_outside_memory() {
    let (device, mut driver) = live();
    driver.describe(INFLATE, 0, 8 << 20, 16, INDIRECT, 0);
    driver.offer_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::BrokenChain { queue: INFLATE, head: 0 }]);
}

#[test]
fn a_table_in_a_table() {
    let (device, mut driver) = live();
    driver.offer_indirect(INFLATE, 0, &[(0x30_0000, 16, INDIRECT)]);
    driver.notify(INFLATE);
    let expected = [
        RingViolation::IndirectNested { queue: INFLATE, head: 0 }.into(),
        Violation::BrokenChain { queue: INFLATE, head: 0 },
    ];
    assert_violations(&device, &expected);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn a_table_with_a_link() {
    let (device, mut driver) = live();
    driver.offer_indirect(INFLATE, 1, &[(0x30_0000, 8, 0)]);
    let table = ByHand::<Registers>::array(INFLATE, 1) + 0x800;
    driver.notify(INFLATE);
    assert_violations(&device, &[]);
    driver.describe(INFLATE, 0, table, 16, INDIRECT | 1, 2);
    driver.describe(INFLATE, 2, 0x30_0000, 8, 0, 0);
    driver.offer_head(INFLATE, 0);
    driver.notify(INFLATE);
    let expected = RingViolation::IndirectLinked { queue: INFLATE, head: 0 };
    assert_eq!(device.violations()[0], expected.into());
}

#[test]
fn a_table_without_the_feature() {
    let (device, mut driver) = live_with(builder(), 0);
    driver.memory.write(0x30_0000, &1024_u32.bytes()).unwrap();
    driver.offer_indirect(INFLATE, 0, &[(0x30_0000, 4, 0)]);
    driver.notify(INFLATE);
    assert_violations(&device, &[Violation::Indirect { queue: INFLATE, head: 0 }]);
    assert!(device.has_page(1024), "it is understood all the same");
}

#[test]
fn flags_that_have_no_place_in_a_table() {
    let (device, mut driver) = live();
    driver.offer_indirect(INFLATE, 0, &[(0x30_0000, 8, 1 << 7)]);
    driver.notify(INFLATE);
    let expected = [RingViolation::IndirectFlags { queue: INFLATE, head: 0 }];
    assert_broken(&device, expected.into_iter().filter(|_| SHAPE == Shape::Packed));
    assert_eq!(device.host_page_count(), 2);
}
