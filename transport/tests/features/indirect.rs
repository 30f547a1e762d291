//! INDIRECT_DESC: a buffer of several elements takes one descriptor, which points to a table.

use std::ops::Range;

use aerostat_spec::FeatureSet;
use aerostat_spec::reserved::feature::{IndirectDesc, RingPacked};
use aerostat_transport::DeviceError;
use aerostat_transport::queue::{AddError, QueueNeeds};

use super::{AVAIL, Desc, INDIRECT, Kite, NEXT, One, Packed, Plain, USED, WRITE, fly};

/// ring.split.indirect.1, ring.split.indirect.2, ring.split.indirect.4, ring.split.indirect.6, ring.split.indirect.7
#[test]
fn a_table_describes_a_buffer_of_a_split_ring() {
    let mut kite = fly::<One<IndirectDesc>, 4>(QueueNeeds::least(1).indirect(3));
    let head = kite.add(3, 1).unwrap().index() as u16;
    assert_eq!(kite.line.free(), 3, "one descriptor");
    let Desc { address, len, flags, .. } = kite.slot(head);
    assert_eq!((len, flags, address % 16), (48, INDIRECT, 0));
    let entry = |at: u64, flags, next| Desc { address: 0x40_0000 + 0x100 * at, len: 16, flags, next };
    let table = [0, 1, 2].map(|at| kite.desc(address + 16 * at));
    assert_eq!(table, [entry(0, NEXT, 1), entry(1, NEXT, 2), entry(2, WRITE, 0)]);
    assert_eq!(kite.memory.read16(kite.ring[1] + 4), head, "the available ring names the descriptor");
    kite.write_used(0, head.into(), 16);
    kite.publish(1);
    assert_eq!((kite.popped(), kite.line.free()), ((usize::from(head), 16), 4));
    kite.land();
}

/// ring.packed.indirect.1, ring.packed.indirect.2, ring.packed.indirect.4, ring.packed.indirect.5
#[test]
fn a_table_describes_a_buffer_of_a_packed_ring() {
    let mut kite = fly::<Packed<IndirectDesc>, 3>(QueueNeeds::least(1).indirect(3));
    for (turn, wrap) in [(0, true), (1, true), (2, true), (3, false)] {
        let id = kite.add(3, 2).unwrap().index() as u16;
        let slot = turn % 3;
        let at = kite.ring[0] + 16 * u64::from(slot);
        let Desc { address, len, flags: found, next: flags } = kite.desc(at);
        assert_eq!((len, found, address % 16), (48, id, 0), "the id stands where a split ring has flags");
        assert_eq!(flags, INDIRECT | if wrap { AVAIL } else { USED });
        let table = [0, 1, 2].map(|entry| kite.desc(address + 16 * entry));
        for (entry, flags) in [0, WRITE, WRITE].into_iter().enumerate() {
            let expected = (0x40_0000 + 0x100 * entry as u64, 16, flags);
            assert_eq!((table[entry].address, table[entry].len, table[entry].next), expected);
        }
        kite.write_packed((slot, wrap), id, 32);
        assert_eq!(kite.popped(), (usize::from(id), 32));
    }
    kite.land();
}

/// ring.split.indirect.3, ring.packed.indirect.3, ring.packed.sg.2: one element needs no table; more than a table has make a list
/// of descriptors; and more than the queue has never fit.
#[test]
fn a_table_is_used_where_it_is_of_use() {
    fn of<F: FeatureSet>(is_table: impl Fn(&Kite<F, 8>, usize) -> bool) {
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
            let mut kite = fly::<F, 8>(QueueNeeds::least(1).indirect(entries));
            let head = kite.add(count, 1).unwrap().index();
            assert_eq!(kite.line.free(), 8 - descriptors, "{count} elements, tables of {entries}");
            assert_eq!(is_table(&kite, head), descriptors == 1 && count > 1);
            kite.land();
        }
        for entries in [0, 3, 8, 9, 0xffff] {
            let mut kite = fly::<F, 8>(QueueNeeds::least(1).indirect(entries));
            let refused = kite.add(9, 1).unwrap_err();
            assert!(matches!(refused, AddError::TooManyElements { needed: 9, capacity: 8, .. }), "{refused:?}");
            kite.land();
        }
    }
    of::<One<IndirectDesc>>(|kite, head| kite.slot(head as u16).flags == INDIRECT);
    of::<Packed<IndirectDesc>>(|kite, head| kite.slot(head as u16).next & INDIRECT != 0);
}

/// A queue of one descriptor takes one element, whatever is wished.
#[test]
fn the_smallest_queue_has_no_tables() {
    let mut kite = fly::<One<IndirectDesc>, 1>(QueueNeeds::least(1).indirect(4));
    assert!(matches!(kite.add(2, 0), Err(AddError::TooManyElements { needed: 2, capacity: 1, .. })));
    kite.add(1, 0).unwrap();
    kite.land();
}

/// ring.split.indirect.1, ring.packed.indirect.1
#[test]
fn without_the_feature_there_are_no_tables() {
    let mut kite = fly::<Plain, 8>(QueueNeeds::least(1).indirect(4));
    kite.add(3, 1).unwrap();
    assert_eq!((kite.line.free(), [0, 1, 2].map(|slot| kite.slot(slot).flags)), (5, [NEXT, NEXT, WRITE]));
    kite.land();
    let mut kite = fly::<One<RingPacked>, 8>(QueueNeeds::least(1).indirect(4));
    kite.add(3, 1).unwrap();
    assert_eq!(kite.line.free(), 5);
    assert!([0, 1, 2].iter().all(|slot| kite.slot(*slot).next & INDIRECT == 0));
    kite.land();
}

/// Each descriptor has a table of its own, outside the ring and inside the memory that was allocated for it.
#[test]
fn tables_overlap_nothing() {
    fn of<F: FeatureSet>(ring_bytes: impl Fn(&Kite<F, 8>) -> u64) {
        let mut kite = fly::<F, 8>(QueueNeeds::least(1).indirect(5));
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for count in [5, 2, 3, 4, 5, 2, 5, 5] {
            let head = kite.add(count, 1).unwrap().index() as u16;
            let Desc { address, len, .. } = kite.slot(head);
            assert_eq!(len as usize, 16 * count);
            ranges.push(address..address + u64::from(len));
        }
        assert_eq!(kite.line.free(), 0);
        ranges.push(kite.ring[0]..kite.ring[0] + ring_bytes(&kite));
        let end = kite.ring[0] + kite.memory.lent_at(kite.ring[0]).expect("one piece") as u64;
        ranges.sort_by_key(|range| range.start);
        assert!(ranges.windows(2).all(|two| two[0].end <= two[1].start), "{ranges:x?}");
        assert!(ranges.iter().all(|range| range.start >= kite.ring[0] && range.end <= end), "{ranges:x?}");
        kite.land();
    }
    of::<One<IndirectDesc>>(|kite| kite.ring[2] - kite.ring[0] + 6 + 8 * 8);
    of::<Packed<IndirectDesc>>(|kite| kite.ring[2] - kite.ring[0] + 4);
}

/// Used lengths are held against what the table lets the device write.
#[test]
fn a_used_length_is_held_against_the_table() {
    let mut kite = fly::<One<IndirectDesc>, 4>(QueueNeeds::least(1).indirect(4));
    kite.add(4, 2).unwrap();
    kite.write_used(0, 0, 33);
    kite.publish(1);
    let error = DeviceError::LengthTooLong { queue: 0, id: 0, length: 33, capacity: 32 };
    assert_eq!((kite.line.pop(), kite.line.in_flight()), (Err(error), 1));
    kite.land();
}

/// With tables as with lists: a buffer that does not fit leaves everything as it was.
#[test]
fn a_full_ring_refuses_a_table() {
    let mut kite = fly::<One<IndirectDesc>, 4>(QueueNeeds::least(1).indirect(4));
    for _ in 0..4 {
        kite.add(4, 0).unwrap();
    }
    let bytes = kite.memory.lent_at(kite.ring[0]).unwrap();
    let before = kite.memory.bytes(kite.ring[0], bytes);
    assert_eq!(kite.add(2, 0), Err(AddError::Full { queue: 0, needed: 1, free: 0 }));
    assert_eq!(kite.memory.bytes(kite.ring[0], bytes), before);
    kite.land();
}
