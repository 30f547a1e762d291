//! The split queue against a device that writes arbitrary values into the ring.

use aerostat_test_support::{LiveQueue, Memory, SoftMmio, live_queue, negotiated, reg, test_device};
use aerostat_transport::queue::{Access, AddError, Element, Interrupts, Notification, Token, Used};
use aerostat_transport::{DeviceAddress, DeviceError};

/// Bytes from the start of the used ring to its index, and to its entries.
const INDEX: u64 = 2;
const ENTRIES: u64 = 4;

/// Adds a buffer of elements of 16 bytes; the last `writable` ones are device-writable.
fn add<const K: usize>(fixture: &mut LiveQueue<K>, elements: usize, writable: usize) -> Result<Token, AddError> {
    let element = |index| Element {
        address: DeviceAddress(0x40_0000),
        len: 16,
        access: if index + writable < elements { Access::DeviceReads } else { Access::DeviceWrites },
    };
    let buffer: Vec<Element> = (0..elements).map(element).collect();
    // SAFETY: the device of these tests does not access buffers, and nothing else does.
    unsafe { fixture.queue0.add(&buffer) }
}

/// Checks that every later call returns the error, and that nothing can be added or notified.
fn assert_poisoned<const K: usize>(fixture: &mut LiveQueue<K>, error: DeviceError) {
    let (free, in_flight) = (fixture.queue0.free(), fixture.queue0.in_flight());
    let kicks = fixture.soft.written(reg::QUEUE_NOTIFY);
    for index in [0, 1, 0x1234, u16::MAX] {
        fixture.publish_used(index);
        assert_eq!(fixture.queue0.pop(), Err(error));
        assert_eq!(add(fixture, 1, 0), Err(AddError::Poisoned(error)));
        assert_eq!(fixture.queue0.notify(), Notification::Suppressed);
    }
    assert_eq!(fixture.queue0.poison(DeviceError::NeedsReset), error, "the first error is kept");
    assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (free, in_flight), "the device keeps its buffers");
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), kicks);
}

/// A device with buffers of 1, 3 and 2 elements in flight; the last element is device-writable.
fn three_in_flight() -> (LiveQueue<8>, [Token; 3]) {
    let mut fixture = live_queue::<8>(8);
    let tokens = [add(&mut fixture, 1, 0), add(&mut fixture, 3, 1), add(&mut fixture, 2, 2)].map(Result::unwrap);
    (fixture, tokens)
}

#[test]
fn an_id_of_no_buffer_in_flight_is_an_error() {
    let (_, tokens) = three_in_flight();
    let heads = tokens.map(|token| token.index() as u32);
    let inner = (0..8).find(|id| !heads.contains(id) && *id > heads[1]).unwrap();
    // Inside another chain, free, past the table, and valid only if cut to 16 bits.
    for id in [inner, 7, 8, 0xffff, 0x1_0000 | heads[0], 0x1_0000 | heads[1], u32::MAX] {
        let (mut fixture, _) = three_in_flight();
        fixture.write_used_entry(0, id, 0);
        fixture.publish_used(1);
        let error = DeviceError::NotOutstanding { queue: 0, id };
        assert_eq!(fixture.queue0.pop(), Err(error), "{id:#x}");
        assert_poisoned(&mut fixture, error);
        fixture.release();
    }
}

#[test]
fn the_same_buffer_twice_is_an_error() {
    let (mut fixture, tokens) = three_in_flight();
    let id = tokens[1].index() as u32;
    fixture.write_used_entry(0, id, 0);
    fixture.write_used_entry(1, id, 0);
    fixture.publish_used(2);
    assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: tokens[1], written: 0 })));
    let error = DeviceError::NotOutstanding { queue: 0, id };
    assert_eq!(fixture.queue0.pop(), Err(error));
    assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (5, 2), "the buffer was returned once");
    assert_poisoned(&mut fixture, error);
    fixture.release();
}

/// The device changes an entry after the driver has taken it.
#[test]
fn an_entry_that_changes_after_it_was_taken_changes_nothing() {
    let (mut fixture, tokens) = three_in_flight();
    fixture.write_used_entry(0, tokens[0].index() as u32, 0);
    fixture.publish_used(1);
    assert!(fixture.queue0.pop().unwrap().is_some());
    fixture.write_used_entry(0, tokens[1].index() as u32, 0);
    assert_eq!(fixture.queue0.pop(), Ok(None));
    assert_eq!(fixture.queue0.in_flight(), 2);
    fixture.release();
}

#[test]
fn an_index_that_jumps_is_an_error() {
    for (to, held) in [(4, 3), (5, 3), (0x7fff, 3), (0x8000, 3), (0xfffe, 3), (0xffff, 3)] {
        let (mut fixture, tokens) = three_in_flight();
        for slot in 0..8 {
            fixture.write_used_entry(slot, tokens[0].index() as u32, 0);
        }
        fixture.publish_used(to);
        let error = DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: held };
        assert_eq!(fixture.queue0.pop(), Err(error), "{to:#x}");
        assert_poisoned(&mut fixture, error);
        fixture.release();
    }
}

#[test]
fn an_index_that_goes_back_is_an_error() {
    let (mut fixture, tokens) = three_in_flight();
    fixture.write_used_entry(0, tokens[2].index() as u32, 5);
    fixture.publish_used(1);
    assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: tokens[2], written: 5 })));
    fixture.publish_used(0);
    let error = DeviceError::IndexJumped { queue: 0, from: 1, to: 0, in_flight: 2 };
    assert_eq!(fixture.queue0.pop(), Err(error));
    assert_poisoned(&mut fixture, error);
    fixture.release();
}

#[test]
fn an_index_without_any_buffer_in_flight_is_an_error() {
    let mut fixture = live_queue::<8>(8);
    assert_eq!(fixture.queue0.pop(), Ok(None));
    fixture.publish_used(1);
    let error = DeviceError::IndexJumped { queue: 0, from: 0, to: 1, in_flight: 0 };
    assert_eq!(fixture.queue0.pop(), Err(error));
    assert_poisoned(&mut fixture, error);
    fixture.release();
}

/// The distance is computed across the wrap: from 65535 to 2 is three.
#[test]
fn an_index_may_wrap() {
    let mut fixture = live_queue::<4>(4);
    for round in 0..65535_u16 {
        let token = add(&mut fixture, 1, 0).unwrap();
        fixture.write_used_entry(round, token.index() as u32, 0);
        fixture.publish_used(round.wrapping_add(1));
        assert!(fixture.queue0.pop().unwrap().is_some());
    }
    let tokens = [add(&mut fixture, 1, 0), add(&mut fixture, 1, 0), add(&mut fixture, 2, 0)].map(Result::unwrap);
    for (place, token) in tokens.iter().enumerate() {
        fixture.write_used_entry(65535_u16.wrapping_add(place as u16), token.index() as u32, 0);
    }
    fixture.publish_used(2);
    let back: Vec<Token> = (0..3).map(|_| fixture.queue0.pop().unwrap().unwrap().token).collect();
    assert_eq!(back, tokens);
    fixture.publish_used(3);
    let error = DeviceError::IndexJumped { queue: 0, from: 2, to: 3, in_flight: 0 };
    assert_eq!(fixture.queue0.pop(), Err(error));
    fixture.release();
}

/// The length is at most that of the device-writable part.
#[test]
fn a_length_beyond_the_buffer_is_an_error() {
    for (buffer, length, capacity) in [(1, 17, 16), (1, u32::MAX, 16), (2, 33, 32), (2, 0x8000_0000, 32)] {
        let (mut fixture, tokens) = three_in_flight();
        let id = tokens[buffer].index() as u32;
        fixture.write_used_entry(0, id, length);
        fixture.publish_used(1);
        let error = DeviceError::LengthTooLong { queue: 0, id, length, capacity };
        assert_eq!(fixture.queue0.pop(), Err(error));
        assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (2, 3), "the buffer stays with the device");
        assert_poisoned(&mut fixture, error);
        fixture.release();
    }
}

#[test]
fn a_length_up_to_the_buffer_is_reported() {
    for (buffer, length, written) in [(1, 16, 16), (1, 0, 0), (2, 32, 32), (2, 7, 7)] {
        let (mut fixture, tokens) = three_in_flight();
        fixture.write_used_entry(0, tokens[buffer].index() as u32, length);
        fixture.publish_used(1);
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: tokens[buffer], written })));
    }
}

/// The device does not write to a device-readable buffer, regardless of the length it reports.
#[test]
fn a_device_readable_buffer_has_no_written_bytes() {
    for length in [0, 1, 16] {
        let (mut fixture, tokens) = three_in_flight();
        fixture.write_used_entry(0, tokens[0].index() as u32, length);
        fixture.publish_used(1);
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: tokens[0], written: 0 })));
    }
}

/// The device overwrites the descriptor table and the available ring. The driver does not read them back, neither for used chains
/// nor for new ones.
// conformance: ring.split.desc.2
#[test]
fn the_driver_does_not_read_its_own_parts_back() {
    let (mut fixture, tokens) = three_in_flight();
    for at in 0..(16 * 8 + 6 + 2 * 8) / 2 {
        fixture.memory.write16(fixture.ring[0] + 2 * at, 0xffff);
    }
    for (slot, token) in [2, 1, 0].into_iter().enumerate() {
        fixture.write_used_entry(slot as u16, tokens[token].index() as u32, 0);
    }
    fixture.publish_used(3);
    for token in [2, 1, 0] {
        assert_eq!(fixture.queue0.pop(), Ok(Some(Used { token: tokens[token], written: 0 })));
    }
    assert_eq!((fixture.queue0.free(), fixture.queue0.in_flight()), (8, 0));
    let token = add(&mut fixture, 8, 0).unwrap();
    assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), 4, "the index continues from the driver's own value");
    assert_eq!(usize::from(fixture.memory.read16(fixture.ring[1] + 4 + 2 * 3)), token.index());
    let mut seen = [false; 8];
    let mut id = token.index();
    for element in 0..8 {
        let at = fixture.ring[0] + 16 * id as u64;
        assert_eq!((fixture.memory.read64(at), fixture.memory.read32(at + 8)), (0x40_0000, 16));
        assert!(!std::mem::replace(&mut seen[id], true), "no descriptor is in flight twice");
        assert_eq!(fixture.memory.read16(at + 12), u16::from(element < 7));
        id = usize::from(fixture.memory.read16(at + 14));
    }
    fixture.release();
}

/// The used ring is the device's.
// conformance: ring.split.layout.7
#[test]
fn the_driver_never_writes_to_the_used_ring() {
    let (mut fixture, tokens) = three_in_flight();
    for at in 0..(6 + 8 * 8) / 2 {
        fixture.memory.write16(fixture.ring[2] + 2 * at, 0xabcd);
    }
    fixture.write_used_entry(0, tokens[0].index() as u32, 0);
    fixture.publish_used(1);
    let before = fixture.memory.bytes(fixture.ring[2], 6 + 8 * 8);
    fixture.queue0.pop().unwrap();
    fixture.queue0.set_interrupts(Interrupts::Disabled);
    fixture.queue0.set_interrupts(Interrupts::Enabled);
    add(&mut fixture, 1, 0).unwrap();
    fixture.queue0.notify();
    assert_eq!(fixture.memory.bytes(fixture.ring[2], before.len()), before);
}

/// Bit 0 of the flags decides, the other bits and `avail_event` do not.
// conformance: ring.split.avail-notif.2, ring.split.avail-notif.3, ring.split.avail-notif.4
#[test]
fn notifications_follow_the_flag_and_nothing_else() {
    let mut fixture = live_queue::<8>(8);
    let avail_event = fixture.ring[2] + ENTRIES + 8 * 8;
    for (flags, event, expected) in [
        (0, 0, Notification::Sent),
        (1, 0, Notification::Suppressed),
        (0xfffe, 0, Notification::Sent),
        (0xffff, 0, Notification::Suppressed),
        (0, 0x7fff, Notification::Sent),
        (0, 0xffff, Notification::Sent),
        (1, 1, Notification::Suppressed),
    ] {
        fixture.memory.write16(fixture.ring[2], flags);
        fixture.memory.write16(avail_event, event);
        assert_eq!(fixture.queue0.notify(), expected, "{flags:#x} {event:#x}");
    }
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY), [0; 4]);
}

/// A limitation of the peer: across the wrap of the index, every batch is notified.
#[test]
fn every_batch_is_notified_across_the_wrap_of_the_index() {
    let mut fixture = live_queue::<4>(4);
    let mut index = 0_u16;
    for batch in 0..22_000_u32 {
        for _ in 0..3 {
            let token = add(&mut fixture, 1, 0).unwrap();
            fixture.write_used_entry(index, token.index() as u32, 0);
            index = index.wrapping_add(1);
        }
        assert_eq!(fixture.queue0.notify(), Notification::Sent, "{batch}");
        fixture.publish_used(index);
        while fixture.queue0.pop().unwrap().is_some() {}
    }
    assert_eq!(fixture.soft.written(reg::QUEUE_NOTIFY).len(), 22_000);
}

/// 0 or 1 is written, and nothing else.
// conformance: ring.split.used-notif.1, ring.split.used-notif.2, ring.split.receive.1
#[test]
fn interrupts_are_disabled_and_enabled() {
    let mut fixture = live_queue::<8>(8);
    let flags = |fixture: &LiveQueue<8>| fixture.memory.read16(fixture.ring[1]);
    assert_eq!(flags(&fixture), 0, "enabled at first");
    for (interrupts, expected) in
        [(Interrupts::Disabled, 1), (Interrupts::Disabled, 1), (Interrupts::Enabled, 0), (Interrupts::Enabled, 0)]
    {
        fixture.queue0.set_interrupts(interrupts);
        assert_eq!(flags(&fixture), expected);
        add(&mut fixture, 1, 0).unwrap();
        assert_eq!(flags(&fixture), expected, "adding does not change the flags");
    }
    assert_eq!(fixture.memory.read16(fixture.ring[1] + 2), 4);
    // Buffers used before interrupts were enabled are found by one more check.
    fixture.write_used_entry(0, 0, 0);
    fixture.publish_used(1);
    fixture.queue0.set_interrupts(Interrupts::Enabled);
    assert!(fixture.queue0.pop().unwrap().is_some());
}

/// A queue that owns its buffers keeps them after an error, and releases them only after a reset.
#[test]
fn owned_buffers_are_kept_after_an_error() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 8, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    assert!(queue1.send(|buffer| assert_eq!(buffer.bytes(&[1]), 1)).unwrap().is_some());
    let used = soft.model().queues[1].addresses[2];
    memory.write32(used + ENTRIES, 3);
    memory.write16(used + INDEX, 1);
    let error = DeviceError::NotOutstanding { queue: 1, id: 3 };
    assert_eq!(queue1.pop(), Err(error));
    assert_eq!(queue1.send(|_| panic!("an unusable queue asks for nothing")), Err(AddError::Poisoned(error)));
    assert_eq!((queue1.in_flight(), queue1.notify()), (1, Notification::Suppressed));
    assert_eq!(memory.allocated(), 2);
    let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
    queue1.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.allocated(), 0);
}

/// A dropped queue leaks its ring: the device may be using it.
#[test]
fn a_dropped_queue_frees_no_memory() {
    let fixture = live_queue::<8>(8);
    let memory = fixture.memory.clone();
    drop(fixture);
    assert_eq!(memory.allocated(), 1);
}
