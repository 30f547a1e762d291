//! IN_ORDER: buffers are used in the order in which they were added, several of them with one entry.

use std::collections::VecDeque;

use aerostat_spec::reserved::feature::{InOrder, IndirectDesc, RingPacked};
use aerostat_transport::queue::{AddError, QueueNeeds, Reader, Used};
use aerostat_transport::{BufferQueue, Device, DeviceError, Mmio};

use super::{Desc, Fixture, NEXT, live};
use aerostat_test_support::{Memory, SoftMmio, test_device};

aerostat_spec::feature_set! { struct Ordered for test_device { InOrder: Required } }
aerostat_spec::feature_set! { struct OrderedIndirect for test_device { InOrder: Required, IndirectDesc: Required } }
aerostat_spec::feature_set! { struct OrderedPacked for test_device { InOrder: Required, RingPacked: Required } }

/// One used entry, that of the last buffer, completes all; the others are used completely.
// conformance: ring.split.in-order.1, ring.split.in-order.2
#[test]
fn one_entry_completes_a_batch() {
    let mut fixture = live::<Ordered, 8>(1);
    let tokens =
        [(1, 1), (2, 1), (2, 0), (3, 2)].map(|(count, writable)| fixture.add(count, writable).unwrap().index());
    assert_eq!((tokens, fixture.queue0.free()), ([0, 1, 3, 5], 0));
    fixture.write_used(0, 5, 7);
    fixture.publish(4);
    assert_eq!([(); 4].map(|()| fixture.popped()), [(0, 16), (1, 16), (3, 0), (5, 7)]);
    assert_eq!((fixture.queue0.pop(), fixture.queue0.free(), fixture.queue0.in_flight()), (Ok(None), 8, 0));
    fixture.finish();
}

/// The next entry follows the whole batch, and those in between are invalid.
// conformance: ring.split.in-order.1
#[test]
fn entries_inside_a_batch_are_not_read() {
    let mut fixture = live::<Ordered, 8>(1);
    for _ in 0..6 {
        fixture.add(1, 1).unwrap();
    }
    for (index, id) in [(0, 2), (1, 0xffff_ffff), (2, 77), (3, 3), (4, 5), (5, 0)] {
        fixture.write_used(index, id, 4);
    }
    fixture.publish(3);
    assert_eq!([(); 3].map(|()| fixture.popped()), [(0, 16), (1, 16), (2, 4)]);
    assert_eq!(fixture.queue0.pop(), Ok(None));
    // Two batches at once.
    fixture.publish(6);
    assert_eq!([(); 3].map(|()| fixture.popped()), [(3, 4), (4, 16), (5, 4)]);
    assert_eq!(fixture.queue0.pop(), Ok(None));
    fixture.finish();
}

/// Descriptors are taken in table order, past the end of the table too, and past 65536 entries of the rings.
// conformance: ring.split.desc.3, ring.split.desc.4, ring.split.desc.5
#[test]
fn descriptors_are_taken_in_a_circle() {
    let mut fixture = live::<Ordered, 8>(1);
    let (mut next, mut index, mut held) = (0_u16, 0_u16, VecDeque::new());
    for round in 0..70_000_usize {
        let count = 1 + round % 3;
        if fixture.queue0.free() >= count {
            let head = fixture.add(count, 0).unwrap().index();
            assert_eq!(head, usize::from(next), "round {round}");
            for at in 0..count as u16 {
                let slot = (next + at) % 8;
                let Desc { flags, next: following, .. } = fixture.slot(slot);
                let goes_on = usize::from(at) + 1 < count;
                assert_eq!(flags & NEXT != 0, goes_on);
                assert!(!goes_on || following == if slot == 7 { 0 } else { slot + 1 }, "round {round}: {following}");
            }
            next = (next + count as u16) % 8;
            held.push_back(head);
        } else {
            assert!(matches!(fixture.add(count, 0), Err(AddError::Full { .. })));
        }
        if round % 5 == 4 || fixture.queue0.free() < 3 {
            // All buffers in flight in one batch, or only the oldest.
            let batch = if round % 2 == 0 { held.len() } else { 1 };
            fixture.write_used(index, held[batch - 1] as u32, 0);
            index = index.wrapping_add(batch as u16);
            fixture.publish(index);
            for head in held.drain(..batch) {
                assert_eq!(fixture.popped(), (head, 0), "round {round}");
            }
            assert_eq!(fixture.queue0.pop(), Ok(None));
        }
    }
    fixture.finish();
}

/// A used buffer may be added again before the rest of its batch is taken.
#[test]
fn buffers_may_be_added_in_the_middle_of_a_batch() {
    let mut fixture = live::<Ordered, 4>(1);
    for _ in 0..4 {
        fixture.add(1, 1).unwrap();
    }
    fixture.write_used(0, 2, 1);
    fixture.publish(3);
    assert_eq!(fixture.popped(), (0, 16));
    assert_eq!(fixture.add(1, 1).unwrap().index(), 0);
    assert_eq!(fixture.popped(), (1, 16));
    assert_eq!(fixture.add(1, 1).unwrap().index(), 1);
    assert_eq!((fixture.popped(), fixture.queue0.pop()), ((2, 1), Ok(None)));
    fixture.write_used(3, 1, 5);
    fixture.publish(6);
    assert_eq!([(); 3].map(|()| fixture.popped()), [(3, 16), (0, 16), (1, 5)]);
    fixture.finish();
}

/// Ids of no buffer in flight: never used, already returned, or inside a buffer. Nothing is returned.
#[test]
fn an_id_of_no_buffer_in_flight_is_an_error() {
    for (id, held) in [(1, 2), (3, 2), (4, 2), (7, 2), (8, 2), (0x1_0000, 2), (u32::MAX, 2)] {
        let mut fixture = live::<Ordered, 8>(1);
        fixture.add(2, 1).unwrap();
        fixture.add(2, 1).unwrap();
        fixture.write_used(0, id, 0);
        fixture.publish(1);
        let error = DeviceError::NotOutstanding { queue: 0, id };
        assert_eq!(
            (fixture.queue0.pop(), fixture.queue0.pop(), fixture.queue0.in_flight()),
            (Err(error), Err(error), held)
        );
        fixture.finish();
    }
    let mut fixture = live::<Ordered, 8>(1);
    fixture.add(1, 1).unwrap();
    fixture.add(1, 1).unwrap();
    fixture.write_used(0, 0, 0);
    fixture.write_used(1, 0, 0);
    fixture.publish(2);
    assert_eq!(fixture.popped(), (0, 0));
    assert_eq!(
        fixture.queue0.pop(),
        Err(DeviceError::NotOutstanding { queue: 0, id: 0 }),
        "the buffer was already returned"
    );
    assert_eq!(fixture.queue0.in_flight(), 1);
    fixture.finish();
}

/// The length belongs to the buffer that the entry names, and is checked against it.
#[test]
fn the_length_of_a_batch_is_checked_against_its_last_buffer() {
    for (length, capacity) in [(17, 16), (u32::MAX, 16)] {
        let mut fixture = live::<Ordered, 8>(1);
        fixture.add(2, 2).unwrap();
        fixture.add(1, 1).unwrap();
        fixture.write_used(0, 2, length);
        fixture.publish(2);
        let mut back = 0;
        let error = loop {
            match fixture.queue0.pop() {
                Ok(Some(_)) => back += 1,
                Ok(None) => panic!("the length is impossible"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, DeviceError::LengthTooLong { queue: 0, id: 2, length, capacity });
        assert!(back <= 1 && fixture.queue0.in_flight() == 2 - back, "the named buffer stays in flight");
        fixture.finish();
    }
}

/// The index must advance by the number of buffers in the batch. Otherwise it is an error, and no buffer after the named one is
/// returned.
#[test]
fn an_index_that_does_not_match_the_batch_is_an_error() {
    // The number published, and the last buffer named.
    for (published, last) in [(1, 2), (2, 3), (1, 3)] {
        let mut fixture = live::<Ordered, 4>(1);
        for _ in 0..4 {
            fixture.add(1, 1).unwrap();
        }
        fixture.write_used(0, last, 0);
        fixture.publish(published);
        let mut back = 0;
        while let Ok(Some(_)) = fixture.queue0.pop() {
            back += 1;
        }
        assert!(fixture.queue0.pop().is_err(), "{published} published, up to {last} named");
        assert!(back <= last as usize + 1 && fixture.queue0.in_flight() == 4 - back);
        fixture.finish();
    }
    for to in [5, 0x8000, 0xffff] {
        let mut fixture = live::<Ordered, 4>(1);
        fixture.add(1, 1).unwrap();
        fixture.publish(to);
        assert_eq!(fixture.queue0.pop(), Err(DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: 1 }));
        fixture.finish();
    }
}

/// One descriptor a buffer, still in a circle.
// conformance: ring.split.indirect.5, ring.split.desc.5
#[test]
fn tables_are_used_in_batches_too() {
    let mut fixture = live::<OrderedIndirect, 4>(QueueNeeds::least(1).indirect(4));
    let mut index = 0_u16;
    for round in 0..20_u16 {
        let heads = [2, 1, 4].map(|count| fixture.add(count, 1).unwrap().index() as u16);
        assert_eq!(heads, [0, 1, 2].map(|head| (3 * round + head) % 4));
        let table = fixture.slot(heads[2]).address;
        let next = [0, 1, 2, 3].map(|entry| fixture.desc(table + 16 * entry).next);
        assert_eq!(next, [1, 2, 3, 0]);
        fixture.write_used(index, heads[2].into(), 9);
        index += 3;
        fixture.publish(index);
        assert_eq!([(); 3].map(|()| fixture.popped().1), [16, 16, 9]);
    }
    fixture.finish();
}

/// For a queue that owns its buffers, a skipped response counts as written completely, and its memory is not that
/// of a buffer in flight.
// conformance: ring.split.in-order.2
#[test]
fn responses_are_used_in_batches() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    soft.model().offered = u64::MAX;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver().negotiate::<Ordered>();
    let mut device: Device<_, test_device::Device, _> = device.unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 8, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    let [ring, _, used] = soft.model().queues[1].addresses;
    let answer = |queue1: &mut BufferQueue<_, 4, _>| {
        let read = |used: Used, answer: &mut Reader<'_>| {
            let mut bytes = [0; 8];
            let count = answer.bytes(&mut bytes);
            (used.token.index(), bytes[..count].to_vec())
        };
        queue1.receive(read).unwrap().expect("an answer")
    };
    let mut index = 0_u16;
    for round in 0..6_u8 {
        let tokens = [5, 3, 8].map(|room| queue1.request(room, |_| {}).unwrap().index());
        for token in tokens {
            let at = memory.read64(ring + 16 * token as u64);
            memory.write(at, &[round; 8][..memory.read32(ring + 16 * token as u64 + 8) as usize]);
        }
        let entry = used + 4 + 8 * u64::from(index % 4);
        memory.write32(entry, tokens[2] as u32);
        memory.write32(entry + 4, 2);
        index += 3;
        memory.write16(used + 2, index);
        let expected = [(tokens[0], vec![round; 5]), (tokens[1], vec![round; 3]), (tokens[2], vec![round; 2])];
        assert_eq!([(); 3].map(|()| answer(&mut queue1)), expected);
        assert_eq!((queue1.free(), queue1.in_flight()), (4, 0));
    }
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// The device's position in a packed ring: slot and wrap counter.
type Cursor = (u16, bool);

fn after<F: aerostat_spec::FeatureSet, const K: usize>(
    fixture: &Fixture<F, K>,
    (slot, wrap): Cursor,
    count: u16,
) -> Cursor {
    match (slot + count).checked_sub(fixture.size) {
        Some(slot) => (slot, !wrap),
        None => (slot + count, wrap),
    }
}

/// One used descriptor, where the first one of the batch was, and the next one behind the whole batch; over the
/// end of a ring whose size is not a power of two.
// conformance: ring.packed.in-order.1, ring.packed.in-order.2
#[test]
fn one_used_descriptor_completes_a_batch() {
    let mut fixture = live::<OrderedPacked, 7>(1);
    let mut place = (0, true);
    for round in 0..2000_u32 {
        let counts = match round % 3 {
            0 => [1, 2, 3],
            1 => [3, 1, 1],
            _ => [2, 2, 3],
        };
        let ids = counts.map(|count| fixture.add(count, 1).unwrap().index());
        assert_eq!(fixture.queue0.pop(), Ok(None));
        // The first two in one batch, or all three.
        let last = if round % 2 == 0 { 1 } else { 2 };
        fixture.write_packed(place, ids[last] as u16, 3);
        for (at, id) in ids.iter().enumerate().take(last + 1) {
            assert_eq!(fixture.popped(), (*id, if at == last { 3 } else { 16 }), "round {round}");
        }
        assert_eq!(fixture.queue0.pop(), Ok(None), "round {round}");
        place = after(&fixture, place, counts[..=last].iter().sum::<usize>() as u16);
        if last == 1 {
            fixture.write_packed(place, ids[2] as u16, 0);
            assert_eq!((fixture.popped(), fixture.queue0.pop()), ((ids[2], 0), Ok(None)));
            place = after(&fixture, place, counts[2] as u16);
        }
    }
    assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (7, 0));
    fixture.finish();
}

#[test]
fn invalid_descriptors_of_a_packed_ring_are_errors_and_return_nothing() {
    for (id, length) in [(1, 0), (3, 0), (6, 0), (7, 0), (0xffff, 0), (0, 17), (0, u32::MAX)] {
        let mut fixture = live::<OrderedPacked, 7>(1);
        assert_eq!([fixture.add(2, 1), fixture.add(2, 1)].map(|token| token.unwrap().index()), [0, 2]);
        fixture.write_packed((0, true), id, length);
        let error = fixture.queue0.pop().unwrap_err();
        match error {
            DeviceError::NotOutstanding { queue: 0, id: found } => assert_eq!((found, length), (id.into(), 0)),
            DeviceError::LengthTooLong { length: found, capacity: 16, .. } => assert_eq!((id, found), (0, length)),
            error => panic!("{error}"),
        }
        assert_eq!((fixture.queue0.pop(), fixture.queue0.in_flight()), (Err(error), 2));
        fixture.finish();
    }
}
