//! INDIRECT_DESC: a buffer of several elements takes one descriptor, which refers to a table.

use std::ops::Range;

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{IndirectDesc, RingPacked};
use aerostat_transport::DeviceError;
use aerostat_transport::queue::{AddError, QueueNeeds};

use super::{AVAIL, Desc, Fixture, INDIRECT, NEXT, Packed, USED, WRITE, live};
use aerostat_test_support::{Plain, test_device};

aerostat_spec::feature_set! { struct Indirect for test_device { IndirectDesc: Required } }
aerostat_spec::feature_set! { struct PackedIndirect for test_device { IndirectDesc: Required, RingPacked: Required } }

// conformance: ring.split.indirect.1, ring.split.indirect.2, ring.split.indirect.4, ring.split.indirect.6
// conformance: ring.split.indirect.7
#[test]
fn a_table_describes_a_buffer_of_a_split_ring() {
    let mut fixture = live::<Indirect, 4>(QueueNeeds::least(1).indirect(3));
    let head = fixture.add(3, 1).unwrap().index() as u16;
    assert_eq!(fixture.queue0.free(), 3, "one descriptor");
    let Desc { address, len, flags, .. } = fixture.slot(head);
    assert_eq!((len, flags, address % 16), (48, INDIRECT, 0));
    let entry = |at: u64, flags, next| Desc { address: 0x40_0000 + 0x100 * at, len: 16, flags, next };
    let table = [0, 1, 2].map(|at| fixture.desc(address + 16 * at));
    assert_eq!(table, [entry(0, NEXT, 1), entry(1, NEXT, 2), entry(2, WRITE, 0)]);
    assert_eq!(fixture.memory.read16(fixture.ring[1] + 4), head, "the available ring names the descriptor");
    fixture.write_used(0, head.into(), 16);
    fixture.publish(1);
    assert_eq!((fixture.popped(), fixture.queue0.free()), ((usize::from(head), 16), 4));
    fixture.finish();
}

// conformance: ring.packed.indirect.1, ring.packed.indirect.2, ring.packed.indirect.4, ring.packed.indirect.5
#[test]
fn a_table_describes_a_buffer_of_a_packed_ring() {
    let mut fixture = live::<PackedIndirect, 3>(QueueNeeds::least(1).indirect(3));
    for (turn, wrap) in [(0, true), (1, true), (2, true), (3, false)] {
        let id = fixture.add(3, 2).unwrap().index() as u16;
        let slot = turn % 3;
        let at = fixture.ring[0] + 16 * u64::from(slot);
        let Desc { address, len, flags: found, next: flags } = fixture.desc(at);
        assert_eq!((len, found, address % 16), (48, id, 0), "the id is at the offset of the flags in a split ring");
        assert_eq!(flags, INDIRECT | if wrap { AVAIL } else { USED });
        let table = [0, 1, 2].map(|entry| fixture.desc(address + 16 * entry));
        for (entry, flags) in [0, WRITE, WRITE].into_iter().enumerate() {
            let expected = (0x40_0000 + 0x100 * entry as u64, 16, flags);
            assert_eq!((table[entry].address, table[entry].len, table[entry].next), expected);
        }
        fixture.write_packed((slot, wrap), id, 32);
        assert_eq!(fixture.popped(), (usize::from(id), 32));
    }
    fixture.finish();
}

/// One element needs no table; more elements than a table has take a chain; more than the queue has never fit.
// conformance: ring.split.indirect.3, ring.packed.indirect.3, ring.packed.sg.2
#[test]
fn a_table_is_used_for_several_elements() {
    fn of<F: FeatureSet>(is_table: impl Fn(&Fixture<F, 8>, usize) -> bool) {
        for (entries, count, descriptors) in [
            (3, 1, 1),
            (3, 2, 1),
            (3, 3, 1),
            (3, 4, 4),
            (3, 8, 8),
            (8, 8, 1),
            (0xffff, 8, 1),
            (0, 2, 2),
            (1, 2, 2),
            (2, 3, 3),
        ] {
            let mut fixture = live::<F, 8>(QueueNeeds::least(1).indirect(entries));
            let head = fixture.add(count, 1).unwrap().index();
            assert_eq!(fixture.queue0.free(), 8 - descriptors, "{count} elements, tables of {entries}");
            assert_eq!(is_table(&fixture, head), descriptors == 1 && count > 1);
            fixture.finish();
        }
        for entries in [0, 3, 8, 9, 0xffff] {
            let mut fixture = live::<F, 8>(QueueNeeds::least(1).indirect(entries));
            let rejected = fixture.add(9, 1).unwrap_err();
            assert!(matches!(rejected, AddError::TooManyElements { needed: 9, capacity: 8, .. }), "{rejected:?}");
            fixture.finish();
        }
    }
    of::<Indirect>(|fixture, head| fixture.slot(head as u16).flags == INDIRECT);
    of::<PackedIndirect>(|fixture, head| fixture.slot(head as u16).next & INDIRECT != 0);
}

/// A queue of one descriptor takes one element, regardless of what the driver requests.
#[test]
fn the_smallest_queue_has_no_tables() {
    let mut fixture = live::<Indirect, 1>(QueueNeeds::least(1).indirect(4));
    assert!(matches!(fixture.add(2, 0), Err(AddError::TooManyElements { needed: 2, capacity: 1, .. })));
    fixture.add(1, 0).unwrap();
    fixture.finish();
}

// conformance: ring.split.indirect.1, ring.packed.indirect.1
#[test]
fn without_the_feature_there_are_no_tables() {
    let mut fixture = live::<Plain, 8>(QueueNeeds::least(1).indirect(4));
    fixture.add(3, 1).unwrap();
    assert_eq!((fixture.queue0.free(), [0, 1, 2].map(|slot| fixture.slot(slot).flags)), (5, [NEXT, NEXT, WRITE]));
    fixture.finish();
    let mut fixture = live::<Packed, 8>(QueueNeeds::least(1).indirect(4));
    fixture.add(3, 1).unwrap();
    assert_eq!(fixture.queue0.free(), 5);
    assert!([0, 1, 2].iter().all(|slot| fixture.slot(*slot).next & INDIRECT == 0));
    fixture.finish();
}

/// Each descriptor has a table of its own, outside the ring and inside the memory that was allocated for it.
#[test]
fn tables_overlap_nothing() {
    fn of<F: FeatureSet>(ring_bytes: impl Fn(&Fixture<F, 8>) -> u64) {
        let mut fixture = live::<F, 8>(QueueNeeds::least(1).indirect(5));
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for count in [5, 2, 3, 4, 5, 2, 5, 5] {
            let head = fixture.add(count, 1).unwrap().index() as u16;
            let Desc { address, len, .. } = fixture.slot(head);
            assert_eq!(len as usize, 16 * count);
            ranges.push(address..address + u64::from(len));
        }
        assert_eq!(fixture.queue0.free(), 0);
        ranges.push(fixture.ring[0]..fixture.ring[0] + ring_bytes(&fixture));
        let end = fixture.ring[0] + fixture.memory.allocation_at(fixture.ring[0]).expect("one allocation") as u64;
        ranges.sort_by_key(|range| range.start);
        assert!(ranges.windows(2).all(|two| two[0].end <= two[1].start), "{ranges:x?}");
        assert!(ranges.iter().all(|range| range.start >= fixture.ring[0] && range.end <= end), "{ranges:x?}");
        fixture.finish();
    }
    of::<Indirect>(|fixture| fixture.ring[2] - fixture.ring[0] + 6 + 8 * 8);
    of::<PackedIndirect>(|fixture| fixture.ring[2] - fixture.ring[0] + 4);
}

/// Used lengths are checked against the device-writable elements of the table.
#[test]
fn a_used_length_is_checked_against_the_table() {
    let mut fixture = live::<Indirect, 4>(QueueNeeds::least(1).indirect(4));
    fixture.add(4, 2).unwrap();
    fixture.write_used(0, 0, 33);
    fixture.publish(1);
    let error = DeviceError::LengthTooLong { queue: 0, id: 0, length: 33, capacity: 32 };
    assert_eq!((fixture.queue0.pop(), fixture.queue0.in_flight()), (Err(error), 1));
    fixture.finish();
}

/// With tables as with chains, a buffer that does not fit changes nothing.
#[test]
fn a_full_ring_rejects_a_table() {
    let mut fixture = live::<Indirect, 4>(QueueNeeds::least(1).indirect(4));
    for _ in 0..4 {
        fixture.add(4, 0).unwrap();
    }
    let bytes = fixture.memory.allocation_at(fixture.ring[0]).unwrap();
    let before = fixture.memory.bytes(fixture.ring[0], bytes);
    assert_eq!(fixture.add(2, 0), Err(AddError::Full { queue: 0, needed: 1, free: 0 }));
    assert_eq!(fixture.memory.bytes(fixture.ring[0], bytes), before);
    fixture.finish();
}
