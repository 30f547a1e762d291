//! The split queue against rust-vmm's `virtio-queue` as the device side.
#![cfg(target_pointer_width = "64")]

use std::collections::BTreeMap;

use aerostat_test_support::peer::{guest, peer};
use aerostat_test_support::{LiveQueue, Memory, SoftMmio, live_queue, negotiated, reg, test_device};
use aerostat_transport::DeviceAddress;
use aerostat_transport::queue::{Access, AddError, Element, Notification, Token, Used};
use virtio_queue::desc::split::Descriptor;
use virtio_queue::{Queue, QueueOwnedT, QueueT};

/// Elements with these lengths, device-readable and device-writable. The device of these tests accesses neither.
fn buffer(readable: &[u32], writable: &[u32]) -> Vec<Element> {
    let reads = readable.iter().map(|len| (*len, Access::DeviceReads));
    let writes = writable.iter().map(|len| (*len, Access::DeviceWrites));
    let address = |index: usize| DeviceAddress(0x40_0000 + 0x1000 * index as u64);
    reads.chain(writes).enumerate().map(|(at, (len, access))| Element { address: address(at), len, access }).collect()
}

fn add<const K: usize>(fixture: &mut LiveQueue<K>, elements: &[Element]) -> Result<Token, AddError> {
    // SAFETY: the device of these tests does not access buffers, and nothing else does.
    unsafe { fixture.queue0.add(elements) }
}

/// Takes all available chains: head and descriptors.
fn take(queue: &mut Queue, memory: &Memory) -> Vec<(u16, Vec<Descriptor>)> {
    let guest = guest(memory);
    let chains = queue.iter(&guest).expect("the available index is right");
    chains.map(|chain| (chain.head_index(), chain.collect())).collect()
}

/// A random number generator with a fixed seed.
fn chance(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 20) as usize
}

// conformance: ring.split.supply.1, ring.split.supply.3, ring.split.framing.1, ring.split.desc.2
#[test]
fn a_chain_arrives_as_it_was_added() {
    let mut fixture = live_queue::<8>(8);
    let mut queue = peer(fixture.size, fixture.ring);
    for (readable, writable) in [
        (vec![1], vec![]),
        (vec![], vec![5]),
        (vec![1, 2, 3], vec![4, 5]),
        (vec![7; 8], vec![]),
        (vec![], vec![u32::MAX]),
    ] {
        let elements = buffer(&readable, &writable);
        let token = add(&mut fixture, &elements).unwrap();
        let chains = take(&mut queue, &fixture.memory);
        let [(head, descriptors)] = &chains[..] else { panic!("{} chains", chains.len()) };
        assert_eq!(usize::from(*head), token.index());
        assert_eq!(descriptors.len(), elements.len());
        for (place, (descriptor, element)) in descriptors.iter().zip(&elements).enumerate() {
            assert_eq!((descriptor.addr().0, descriptor.len()), (element.address.0, element.len));
            assert_eq!(descriptor.is_write_only(), element.access == Access::DeviceWrites);
            assert_eq!(descriptor.has_next(), place + 1 < elements.len());
            assert!(!descriptor.refers_to_indirect_table());
        }
        queue.add_used(&guest(&fixture.memory), *head, 0).unwrap();
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token, written: 0 })));
        assert_eq!((fixture.queue0.pop(), fixture.queue0.free(), fixture.queue0.in_flight()), (Ok(None), 8, 0));
    }
}

/// Both indexes wrap at 65536 while buffers of all lengths are used in any order.
// conformance: core.virtqueue.1, core.virtqueue.2, ring.split.avail.1, ring.split.idx.2
#[test]
fn indexes_wrap_while_buffers_are_used_in_any_order() {
    let mut fixture = live_queue::<8>(8);
    let mut queue = peer(fixture.size, fixture.ring);
    let mut state = 0x9e37_79b9_7f4a_7c15;
    // Buffers in flight by head: number of descriptors, and the length to be reported.
    let mut held: Vec<(u16, u32)> = Vec::new();
    let mut expected: BTreeMap<usize, (usize, u32)> = BTreeMap::new();
    let (mut added, mut returned) = (0_u32, 0_u32);
    while returned < 140_000 {
        let wanted = 1 + chance(&mut state) % 4;
        let writable = chance(&mut state) % (wanted + 1);
        let elements = buffer(&vec![16; wanted - writable], &vec![32; writable]);
        match add(&mut fixture, &elements) {
            Ok(token) => {
                let written = if writable == 0 { 0 } else { (chance(&mut state) % (32 * writable + 1)) as u32 };
                assert_eq!(expected.insert(token.index(), (wanted, written)), None, "a token names one buffer");
                added += 1;
            }
            Err(AddError::Full { needed, free, .. }) => assert!(needed == wanted && free < needed),
            Err(error) => panic!("{error}"),
        }
        for (head, descriptors) in take(&mut queue, &fixture.memory) {
            let (count, written) = expected[&usize::from(head)];
            assert_eq!(descriptors.len(), count);
            held.push((head, written));
        }
        if !held.is_empty() && chance(&mut state).is_multiple_of(2) {
            let (head, written) = held.swap_remove(chance(&mut state) % held.len());
            queue.add_used(&guest(&fixture.memory), head, written).unwrap();
        }
        if chance(&mut state).is_multiple_of(3) {
            while let Some(used) = fixture.queue0.pop().unwrap() {
                let (_, written) = expected.remove(&used.token.index()).expect("it was in flight");
                assert_eq!(used.written, written);
                returned += 1;
            }
        }
        let in_flight: usize = expected.values().map(|(count, _)| count).sum();
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (8 - in_flight, expected.len()));
    }
    assert!(added > 2 * 65536);
    assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), added as u16, "the available index wrapped with the count");
}

/// The same with a ring of one descriptor, and with one that is larger than the driver's table.
#[test]
fn rings_of_any_size_are_used_in_full_and_no_further() {
    fn check<const K: usize>(max: u32, usable: usize) {
        let mut fixture = live_queue::<K>(max);
        let mut queue = peer(fixture.size, fixture.ring);
        for _round in 0..3 {
            let tokens: Vec<usize> =
                (0..usable).map(|_| add(&mut fixture, &buffer(&[4], &[])).unwrap().index()).collect();
            let error = add(&mut fixture, &buffer(&[4], &[])).unwrap_err();
            assert_eq!(error, AddError::Full { queue: 0, needed: 1, free: 0 });
            let heads: Vec<usize> =
                take(&mut queue, &fixture.memory).iter().map(|(head, _)| usize::from(*head)).collect();
            assert_eq!(heads, tokens);
            for head in heads.into_iter().rev() {
                queue.add_used(&guest(&fixture.memory), head as u16, 0).unwrap();
            }
            assert_eq!((0..usable).filter(|_| fixture.queue0.pop().unwrap().is_some()).count(), usable);
        }
    }
    check::<1>(1, 1);
    check::<1>(256, 1);
    check::<8>(2, 2);
    check::<8>(3, 2);
    check::<12>(256, 8);
    check::<256>(256, 256);
}

/// Each has its own error, and the ring does not change. (Split and packed rings share the check of the order.)
// conformance: core.cleanup.1, ring.split.framing.1, ring.split.desc.1, ring.split.indirect.3, ring.split.supply.4
// conformance: ring.packed.sg.4
#[test]
fn a_buffer_that_cannot_be_added_changes_nothing() {
    let mut fixture = live_queue::<8>(4);
    let in_flight = add(&mut fixture, &buffer(&[1, 1], &[])).unwrap();
    let before = fixture.memory.bytes(fixture.ring[0], 16 * 4 + 6 + 2 * 4);
    let mut mixed = buffer(&[1], &[1]);
    mixed.reverse();
    for (elements, expected) in [
        (buffer(&[1; 3], &[]), AddError::Full { queue: 0, needed: 3, free: 2 }),
        // Three fit only after the one in flight is used; five never fit.
        (buffer(&[1; 5], &[]), AddError::TooManyElements { queue: 0, needed: 5, capacity: 4 }),
        (buffer(&[1; 3], &[1; 9]), AddError::TooManyElements { queue: 0, needed: 12, capacity: 4 }),
        (vec![], AddError::Empty { queue: 0 }),
        (buffer(&[0], &[]), AddError::Empty { queue: 0 }),
        (buffer(&[1], &[0]), AddError::Empty { queue: 0 }),
        (mixed, AddError::Order { queue: 0 }),
        (buffer(&[u32::MAX], &[1]), AddError::TooLong { queue: 0 }),
        (buffer(&[0x8000_0000; 2], &[]), AddError::TooLong { queue: 0 }),
    ] {
        assert_eq!(add(&mut fixture, &elements), Err(expected));
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (2, 1));
        assert_eq!(fixture.memory.bytes(fixture.ring[0], before.len()), before, "{expected}");
    }
    let mut queue = peer(fixture.size, fixture.ring);
    let chains = take(&mut queue, &fixture.memory);
    assert_eq!(chains.len(), 1);
    queue.add_used(&guest(&fixture.memory), chains[0].0, 0).unwrap();
    assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: in_flight, written: 0 })));
    assert!(add(&mut fixture, &buffer(&[1; 4], &[])).is_ok(), "no descriptor was leaked");
    assert!(add(&mut fixture, &buffer(&[1], &[])).is_err());
}

/// The flag is read each time, and one notification covers many buffers.
// conformance: ring.split.avail-notif.3, ring.split.avail-notif.4
#[test]
fn the_device_turns_notifications_off_and_on() {
    let mut fixture = live_queue::<8>(8);
    let mut queue = peer(fixture.size, fixture.ring);
    let kicks = |fixture: &LiveQueue<8>| fixture.soft.written(reg::QUEUE_NOTIFY).len();
    for _ in 0..3 {
        add(&mut fixture, &buffer(&[1], &[])).unwrap();
    }
    assert_eq!((fixture.queue0.notify(), kicks(&fixture)), (Notification::Sent, 1));
    queue.enable_notification(&guest(&fixture.memory)).unwrap();
    queue.disable_notification(&guest(&fixture.memory)).unwrap();
    add(&mut fixture, &buffer(&[1], &[])).unwrap();
    assert_eq!((fixture.queue0.notify(), kicks(&fixture)), (Notification::Suppressed, 1));
    take(&mut queue, &fixture.memory);
    assert!(!queue.enable_notification(&guest(&fixture.memory)).unwrap(), "the device has seen everything");
    add(&mut fixture, &buffer(&[1], &[])).unwrap();
    assert_eq!((fixture.queue0.notify(), kicks(&fixture)), (Notification::Sent, 2));
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [0, 0]);
}

#[test]
fn buffers_that_the_queue_owns_arrive_with_what_was_written() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 10, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    let ring = soft.model().queues[1];
    let mut queue = peer(ring.size as u16, ring.addresses);
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for round in 0..3_u8 {
        let sent = queue1.send(|buffer| {
            assert_eq!(buffer.room(), 10);
            assert_eq!(buffer.bytes(&[round; 3]), 3);
            assert_eq!(buffer.sequence(u32::MAX, 5), 1, "one number of four bytes fits into seven");
            assert_eq!((buffer.room(), buffer.bytes(&[7; 9]), buffer.room()), (3, 3, 0));
            assert_eq!((buffer.bytes(&[1]), buffer.sequence(1, 1)), (0, 0));
        });
        assert!(sent.unwrap().is_some());
        expected.push([[round; 3].as_slice(), &[0xff; 4], &[7; 3]].concat());
    }
    assert!(queue1.send(|buffer| assert_eq!(buffer.sequence(0xffff_fffe, 9), 2)).unwrap().is_some());
    expected.push(vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(queue1.send(|_| panic!("no buffer is free")), Err(AddError::Full { free: 0, .. })));
    let chains = take(&mut queue, &memory);
    let read = |chain: &(u16, Vec<Descriptor>)| {
        let [descriptor] = chain.1[..] else { panic!("one descriptor a buffer") };
        assert!(!descriptor.is_write_only());
        memory.bytes(descriptor.addr().0, descriptor.len() as usize)
    };
    assert_eq!(chains.iter().map(read).collect::<Vec<_>>(), expected);
    for (head, _) in chains.iter().rev() {
        queue.add_used(&guest(&memory), *head, 0).unwrap();
    }
    let back: Vec<usize> = (0..4).map(|_| queue1.pop().unwrap().unwrap().token.index()).collect();
    assert_eq!(back, chains.iter().rev().map(|(head, _)| usize::from(*head)).collect::<Vec<_>>());
    assert_eq!((queue1.free(), queue1.in_flight()), (4, 0));
}

/// An empty buffer is not sent and takes no descriptor.
// conformance: ring.split.supply.4
#[test]
fn an_empty_buffer_is_not_sent() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 16, &mut memory).unwrap();
    assert_eq!(queue1.send(|_| {}), Ok(None));
    assert_eq!(queue1.send(|buffer| assert_eq!((buffer.bytes(&[]), buffer.sequence(1, 0)), (0, 0))), Ok(None));
    assert_eq!((queue1.free(), queue1.in_flight()), (4, 0));
    assert_eq!(memory.read16(soft.model().queues[1].addresses[1] + 2), 0);
}

/// A buffer is written again only after the device has used it.
#[test]
fn a_buffer_in_flight_is_not_reused() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 8, &mut memory).unwrap();
    let ring = soft.model().queues[1];
    let mut queue = peer(ring.size as u16, ring.addresses);
    let mut held: Vec<(u16, u64, Vec<u8>)> = Vec::new();
    let mut state = 42;
    for round in 0..1000_u32 {
        let content = round.to_le_bytes();
        if queue1.free() > 0 {
            assert!(queue1.send(|buffer| assert_eq!(buffer.bytes(&content), 4)).unwrap().is_some());
        }
        for (head, descriptors) in take(&mut queue, &memory) {
            let at = descriptors[0].addr().0;
            held.push((head, at, memory.bytes(at, 4)));
        }
        for (_, at, content) in &held {
            assert_eq!(&memory.bytes(*at, 4), content, "round {round}");
        }
        if chance(&mut state).is_multiple_of(2) && !held.is_empty() {
            let (head, ..) = held.swap_remove(chance(&mut state) % held.len());
            queue.add_used(&guest(&memory), head, 0).unwrap();
            assert!(queue1.pop().unwrap().is_some());
        }
    }
}
