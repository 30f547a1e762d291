//! Indirect descriptors: INDIRECT_DESC.

use aerostat_device::{BalloonDevice, PAGE_BYTES, Registers, RingViolation, features};

use super::FORMAT;
use super::raw_driver::{
    Bytes, INFLATE, REPORTING, RawDriver, SIZE, assert_no_violations, assert_violations, builder, live_with,
};
use crate::Format;

const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

fn live() -> (BalloonDevice, RawDriver<Registers>) {
    let (device, driver) = live_with(builder(), features::INDIRECT_DESC | features::PAGE_REPORTING);
    driver.memory.write(0x30_0000, &[1024_u32.bytes(), 1025_u32.bytes()].concat()).unwrap();
    (device, driver)
}

#[test]
fn a_table_can_contain_a_whole_buffer() {
    let (device, mut driver) = live();
    driver.add_indirect(INFLATE, 3, &[(0x30_0000, 8, 0)]);
    driver.notify(INFLATE);
    assert_eq!(device.host_pages(), [1024, 1025].into());
    let pages: Vec<_> = (1100..1100 + u64::from(SIZE)).map(|page| (page * PAGE_BYTES, 4096, WRITE)).collect();
    for round in 1..20 {
        driver.add_indirect(REPORTING, round % SIZE, &pages);
        driver.notify(REPORTING);
        assert_eq!(driver.used_index(REPORTING), round);
    }
    assert!(pages.iter().all(|(address, ..)| !driver.memory.is_resident(address / PAGE_BYTES)));
    assert_eq!(driver.used(INFLATE, 1)[0].id, 3);
    assert_no_violations(&device);
}

#[test]
fn a_table_larger_than_the_queue_is_a_violation() {
    let (device, mut driver) = live();
    let pages: Vec<_> = (1100..1101 + u64::from(SIZE)).map(|page| (page * PAGE_BYTES, 4096, WRITE)).collect();
    driver.add_indirect(REPORTING, 0, &pages);
    driver.notify(REPORTING);
    let broken = RingViolation::BrokenChain { queue: REPORTING, head: 0 };
    // In a split ring the device reads the first descriptors before it finds the defect.
    assert_eq!(device.violations().first(), Some(&broken.into()));
}

#[test]
fn a_partial_descriptor_in_a_table_is_a_violation() {
    for bytes in [0, 15, 17] {
        let (device, mut driver) = live();
        driver.describe(INFLATE, 0, 0x30_0000, bytes, INDIRECT, 0);
        driver.add_head(INFLATE, 0);
        driver.notify(INFLATE);
        assert_violations(&device, [RingViolation::BrokenChain { queue: INFLATE, head: 0 }]);
    }
}

#[test]
fn a_table_outside_memory_is_a_violation() {
    let (device, mut driver) = live();
    driver.describe(INFLATE, 0, 8 << 20, 16, INDIRECT, 0);
    driver.add_head(INFLATE, 0);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::BrokenChain { queue: INFLATE, head: 0 }]);
}

#[test]
fn a_nested_table_is_a_violation() {
    let (device, mut driver) = live();
    driver.add_indirect(INFLATE, 0, &[(0x30_0000, 16, INDIRECT)]);
    driver.notify(INFLATE);
    let expected = [
        RingViolation::IndirectNested { queue: INFLATE, head: 0 },
        RingViolation::BrokenChain { queue: INFLATE, head: 0 },
    ];
    assert_violations(&device, expected);
    assert_eq!(device.host_page_count(), 0);
}

#[test]
fn a_table_with_a_next_descriptor_is_a_violation() {
    let (device, mut driver) = live();
    driver.add_indirect(INFLATE, 1, &[(0x30_0000, 8, 0)]);
    let table = RawDriver::<Registers>::array(INFLATE, 1) + 0x800;
    driver.notify(INFLATE);
    assert_no_violations(&device);
    driver.describe(INFLATE, 0, table, 16, INDIRECT | 1, 2);
    driver.describe(INFLATE, 2, 0x30_0000, 8, 0, 0);
    driver.add_head(INFLATE, 0);
    driver.notify(INFLATE);
    let expected = RingViolation::IndirectLinked { queue: INFLATE, head: 0 };
    assert_eq!(device.violations()[0], expected.into());
}

#[test]
fn a_table_without_the_feature_is_a_violation() {
    let (device, mut driver) = live_with(builder(), 0);
    driver.memory.write(0x30_0000, &1024_u32.bytes()).unwrap();
    driver.add_indirect(INFLATE, 0, &[(0x30_0000, 4, 0)]);
    driver.notify(INFLATE);
    assert_violations(&device, [RingViolation::IndirectWithoutFeature { queue: INFLATE, head: 0 }]);
    assert!(device.has_page(1024), "the device still reads the table");
}

#[test]
fn other_flags_than_write_in_a_packed_table_are_violations() {
    let (device, mut driver) = live();
    driver.add_indirect(INFLATE, 0, &[(0x30_0000, 8, 1 << 7)]);
    driver.notify(INFLATE);
    let expected = [RingViolation::IndirectFlags { queue: INFLATE, head: 0 }];
    assert_violations(&device, expected.into_iter().filter(|_| FORMAT == Format::Packed));
    assert_eq!(device.host_page_count(), 2);
}
