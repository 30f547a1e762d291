//! IN_ORDER: buffers come back in the order in which they were added, several of them by one entry.

use std::collections::VecDeque;

use aerostat_spec::reserved::feature::{InOrder, IndirectDesc};
use aerostat_transport::queue::{AddError, QueueNeeds, Reader, Used};
use aerostat_transport::{BufferQueue, Device, DeviceError, Mmio};

use super::common::{Memory, Soft, kite};
use super::{Desc, Kite, NEXT, One, Packed, Two, fly};

/// ring.split.in-order.1, ring.split.in-order.2: the entry of the last one tells of all; the others are used as a whole.
#[test]
fn one_entry_gives_a_batch_back() {
    let mut kite = fly::<One<InOrder>, 8>(1);
    let tokens = [(1, 1), (2, 1), (2, 0), (3, 2)].map(|(count, writable)| kite.add(count, writable).unwrap().index());
    assert_eq!((tokens, kite.line.free()), ([0, 1, 3, 5], 0));
    kite.write_used(0, 5, 7);
    kite.publish(4);
    assert_eq!([(); 4].map(|()| kite.popped()), [(0, 16), (1, 16), (3, 0), (5, 7)]);
    assert_eq!((kite.line.pop(), kite.line.free(), kite.line.in_flight()), (Ok(None), 8, 0));
    kite.land();
}

/// ring.split.in-order.1: the next entry stands behind the whole batch, and those in between mean nothing.
#[test]
fn entries_inside_a_batch_are_not_looked_at() {
    let mut kite = fly::<One<InOrder>, 8>(1);
    for _ in 0..6 {
        kite.add(1, 1).unwrap();
    }
    for (index, id) in [(0, 2), (1, 0xffff_ffff), (2, 77), (3, 3), (4, 5), (5, 0)] {
        kite.write_used(index, id, 4);
    }
    kite.publish(3);
    assert_eq!([(); 3].map(|()| kite.popped()), [(0, 16), (1, 16), (2, 4)]);
    assert_eq!(kite.line.pop(), Ok(None));
    // Two batches at once.
    kite.publish(6);
    assert_eq!([(); 3].map(|()| kite.popped()), [(3, 4), (4, 16), (5, 4)]);
    assert_eq!(kite.line.pop(), Ok(None));
    kite.land();
}

/// ring.split.desc.3, ring.split.desc.4, ring.split.desc.5: descriptors are taken in table order, past the end of the table too,
/// and past 65536 entries of the rings.
#[test]
fn descriptors_are_taken_in_a_circle() {
    let mut kite = fly::<One<InOrder>, 8>(1);
    let (mut next, mut index, mut held) = (0_u16, 0_u16, VecDeque::new());
    for round in 0..70_000_usize {
        let count = 1 + round % 3;
        if kite.line.free() >= count {
            let head = kite.add(count, 0).unwrap().index();
            assert_eq!(head, usize::from(next), "round {round}");
            for at in 0..count as u16 {
                let slot = (next + at) % 8;
                let Desc { flags, next: following, .. } = kite.slot(slot);
                let goes_on = usize::from(at) + 1 < count;
                assert_eq!(flags & NEXT != 0, goes_on);
                assert!(!goes_on || following == if slot == 7 { 0 } else { slot + 1 }, "round {round}: {following}");
            }
            next = (next + count as u16) % 8;
            held.push_back(head);
        } else {
            assert!(matches!(kite.add(count, 0), Err(AddError::Full { .. })));
        }
        if round % 5 == 4 || kite.line.free() < 3 {
            // All that it holds in one batch, or the oldest only.
            let batch = if round % 2 == 0 { held.len() } else { 1 };
            kite.write_used(index, held[batch - 1] as u32, 0);
            index = index.wrapping_add(batch as u16);
            kite.publish(index);
            for head in held.drain(..batch) {
                assert_eq!(kite.popped(), (head, 0), "round {round}");
            }
            assert_eq!(kite.line.pop(), Ok(None));
        }
    }
    kite.land();
}

/// What the device gives back may be added again before the rest of its batch is taken.
#[test]
fn buffers_may_be_added_in_the_middle_of_a_batch() {
    let mut kite = fly::<One<InOrder>, 4>(1);
    for _ in 0..4 {
        kite.add(1, 1).unwrap();
    }
    kite.write_used(0, 2, 1);
    kite.publish(3);
    assert_eq!(kite.popped(), (0, 16));
    assert_eq!(kite.add(1, 1).unwrap().index(), 0);
    assert_eq!(kite.popped(), (1, 16));
    assert_eq!(kite.add(1, 1).unwrap().index(), 1);
    assert_eq!((kite.popped(), kite.line.pop()), ((2, 1), Ok(None)));
    kite.write_used(3, 1, 5);
    kite.publish(6);
    assert_eq!([(); 3].map(|()| kite.popped()), [(3, 16), (0, 16), (1, 5)]);
    kite.land();
}

/// Ids that the device does not hold: never held, held no longer, or inside a buffer. Nothing comes back.
#[test]
fn an_id_that_is_not_held_is_an_error() {
    for (id, held) in [(1, 2), (3, 2), (4, 2), (7, 2), (8, 2), (0x1_0000, 2), (u32::MAX, 2)] {
        let mut kite = fly::<One<InOrder>, 8>(1);
        kite.add(2, 1).unwrap();
        kite.add(2, 1).unwrap();
        kite.write_used(0, id, 0);
        kite.publish(1);
        let error = DeviceError::NotOutstanding { queue: 0, id };
        assert_eq!((kite.line.pop(), kite.line.pop(), kite.line.in_flight()), (Err(error), Err(error), held));
        kite.land();
    }
    let mut kite = fly::<One<InOrder>, 8>(1);
    kite.add(1, 1).unwrap();
    kite.add(1, 1).unwrap();
    kite.write_used(0, 0, 0);
    kite.write_used(1, 0, 0);
    kite.publish(2);
    assert_eq!(kite.popped(), (0, 0));
    assert_eq!(kite.line.pop(), Err(DeviceError::NotOutstanding { queue: 0, id: 0 }), "once only");
    assert_eq!(kite.line.in_flight(), 1);
    kite.land();
}

/// The length is that of the buffer that is named, and is held against it.
#[test]
fn a_length_of_a_batch_is_held_against_its_last_buffer() {
    for (length, capacity) in [(17, 16), (u32::MAX, 16)] {
        let mut kite = fly::<One<InOrder>, 8>(1);
        kite.add(2, 2).unwrap();
        kite.add(1, 1).unwrap();
        kite.write_used(0, 2, length);
        kite.publish(2);
        let mut back = 0;
        let error = loop {
            match kite.line.pop() {
                Ok(Some(_)) => back += 1,
                Ok(None) => panic!("the length is impossible"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, DeviceError::LengthTooLong { queue: 0, id: 2, length, capacity });
        assert!(back <= 1 && kite.line.in_flight() == 2 - back, "the buffer that is named stays with the device");
        kite.land();
    }
}

/// The index goes on by as many buffers as came back. Where it did not, the device is wrong, and no more comes back than it named.
#[test]
fn an_index_that_does_not_fit_the_batch_is_an_error_at_last() {
    // So many published, and the last one that is named.
    for (published, last) in [(1, 2), (2, 3), (1, 3)] {
        let mut kite = fly::<One<InOrder>, 4>(1);
        for _ in 0..4 {
            kite.add(1, 1).unwrap();
        }
        kite.write_used(0, last, 0);
        kite.publish(published);
        let mut back = 0;
        while let Ok(Some(_)) = kite.line.pop() {
            back += 1;
        }
        assert!(kite.line.pop().is_err(), "{published} published, up to {last} named");
        assert!(back <= last as usize + 1 && kite.line.in_flight() == 4 - back);
        kite.land();
    }
    for to in [5, 0x8000, 0xffff] {
        let mut kite = fly::<One<InOrder>, 4>(1);
        kite.add(1, 1).unwrap();
        kite.publish(to);
        assert_eq!(kite.line.pop(), Err(DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: 1 }));
        kite.land();
    }
}

/// ring.split.indirect.5, ring.split.desc.5: one descriptor a buffer, still in a circle.
#[test]
fn tables_come_back_in_batches_too() {
    let mut kite = fly::<Two<InOrder, IndirectDesc>, 4>(QueueNeeds::least(1).indirect(4));
    let mut index = 0_u16;
    for round in 0..20_u16 {
        let heads = [2, 1, 4].map(|count| kite.add(count, 1).unwrap().index() as u16);
        assert_eq!(heads, [0, 1, 2].map(|head| (3 * round + head) % 4));
        let table = kite.slot(heads[2]).address;
        let next = [0, 1, 2, 3].map(|entry| kite.desc(table + 16 * entry).next);
        assert_eq!(next, [1, 2, 3, 0]);
        kite.write_used(index, heads[2].into(), 9);
        index += 3;
        kite.publish(index);
        assert_eq!([(); 3].map(|()| kite.popped().1), [16, 16, 9]);
    }
    kite.land();
}

/// ring.split.in-order.2: of a queue that owns its buffers, too, a skipped answer is one that was written as a whole; and its
/// memory is never that of a buffer that the device holds.
#[test]
fn answers_come_back_in_batches() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    soft.model().offered = u64::MAX;
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().acknowledge().driver().negotiate::<One<InOrder>>();
    let mut device: Device<_, kite::Device, _> = device.unwrap();
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 8, &mut memory).unwrap();
    let device = device.go_live();
    let mut reel = reel.enable(&device);
    let [ring, _, used] = soft.model().queues[1].addresses;
    let answer = |reel: &mut BufferQueue<_, 4, _>| {
        let read = |used: Used, answer: &mut Reader<'_>| {
            let mut bytes = [0; 8];
            let count = answer.bytes(&mut bytes);
            (used.token.index(), bytes[..count].to_vec())
        };
        reel.receive(read).unwrap().expect("an answer")
    };
    let mut index = 0_u16;
    for round in 0..6_u8 {
        let tokens = [5, 3, 8].map(|room| reel.ask(room, |_| {}).unwrap().index());
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
        assert_eq!([(); 3].map(|()| answer(&mut reel)), expected);
        assert_eq!((reel.free(), reel.in_flight()), (4, 0));
    }
    let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
    reel.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.lent(), 0);
}

/// Where the device looks for the next descriptor of a packed ring: a slot, and its wrap counter.
type Place = (u16, bool);

fn after<F: aerostat_spec::FeatureSet, const K: usize>(kite: &Kite<F, K>, (slot, wrap): Place, count: u16) -> Place {
    match (slot + count).checked_sub(kite.size) {
        Some(slot) => (slot, !wrap),
        None => (slot + count, wrap),
    }
}

/// ring.packed.in-order.1, ring.packed.in-order.2: one used descriptor, where the first one of the batch was, and the next one
/// behind the whole batch; over the end of a ring whose size is no power of two.
#[test]
fn one_used_descriptor_gives_a_batch_back() {
    let mut kite = fly::<Packed<InOrder>, 7>(1);
    let mut place = (0, true);
    for round in 0..2000_u32 {
        let counts = match round % 3 {
            0 => [1, 2, 3],
            1 => [3, 1, 1],
            _ => [2, 2, 3],
        };
        let ids = counts.map(|count| kite.add(count, 1).unwrap().index());
        assert_eq!(kite.line.pop(), Ok(None));
        // The first two in one, or all three.
        let last = if round % 2 == 0 { 1 } else { 2 };
        kite.write_packed(place, ids[last] as u16, 3);
        for (at, id) in ids.iter().enumerate().take(last + 1) {
            assert_eq!(kite.popped(), (*id, if at == last { 3 } else { 16 }), "round {round}");
        }
        assert_eq!(kite.line.pop(), Ok(None), "round {round}");
        place = after(&kite, place, counts[..=last].iter().sum::<usize>() as u16);
        if last == 1 {
            kite.write_packed(place, ids[2] as u16, 0);
            assert_eq!((kite.popped(), kite.line.pop()), ((ids[2], 0), Ok(None)));
            place = after(&kite, place, counts[2] as u16);
        }
    }
    assert_eq!((kite.line.free(), kite.line.in_flight()), (7, 0));
    kite.land();
}

#[test]
fn lies_in_a_packed_ring_are_errors_and_give_nothing_back() {
    for (id, length) in [(1, 0), (3, 0), (6, 0), (7, 0), (0xffff, 0), (0, 17), (0, u32::MAX)] {
        let mut kite = fly::<Packed<InOrder>, 7>(1);
        assert_eq!([kite.add(2, 1), kite.add(2, 1)].map(|token| token.unwrap().index()), [0, 2]);
        kite.write_packed((0, true), id, length);
        let error = kite.line.pop().unwrap_err();
        match error {
            DeviceError::NotOutstanding { queue: 0, id: found } => assert_eq!((found, length), (id.into(), 0)),
            DeviceError::LengthTooLong { length: found, capacity: 16, .. } => assert_eq!((id, found), (0, length)),
            error => panic!("{error}"),
        }
        assert_eq!((kite.line.pop(), kite.line.in_flight()), (Err(error), 2));
        kite.land();
    }
}
