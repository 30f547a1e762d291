//! The split queue with another side that writes what it likes into the ring.

mod common;

use aerostat_transport::queue::{Access, AddError, Element, Interrupts, Notification, Token, Used};
use aerostat_transport::{DeviceAddress, DeviceError};
use common::{Flown, Memory, Soft, flown, kite, reg, started};

/// Bytes from the start of the used ring to its index, and to its entries.
const INDEX: u64 = 2;
const ENTRIES: u64 = 4;

/// Adds a buffer of so many elements, each 16 bytes, the last `writable` of which the device writes.
fn add<const K: usize>(kite: &mut Flown<K>, elements: usize, writable: usize) -> Result<Token, AddError> {
    let element = |index| Element {
        address: DeviceAddress(0x40_0000),
        len: 16,
        access: if index + writable < elements { Access::DeviceReads } else { Access::DeviceWrites },
    };
    let buffer: Vec<Element> = (0..elements).map(element).collect();
    // SAFETY: the device of these tests touches no buffer, and neither does anybody else.
    unsafe { kite.line.add(&buffer) }
}

impl<const K: usize> Flown<K> {
    /// Puts an entry into the used ring.
    fn entry(&self, slot: u16, id: u32, len: u32) {
        let at = self.ring[2] + ENTRIES + 8 * u64::from(slot % self.size);
        self.memory.write32(at, id);
        self.memory.write32(at + 4, len);
    }

    /// Moves the used index.
    fn publish(&self, index: u16) {
        self.memory.write16(self.ring[2] + INDEX, index);
    }

    /// The error is the same for ever, and nothing can be added or announced.
    fn assert_poisoned(&mut self, error: DeviceError) {
        let (free, in_flight) = (self.line.free(), self.line.in_flight());
        let kicks = self.soft.written(reg::QUEUE_NOTIFY);
        for index in [0, 1, 0x1234, u16::MAX] {
            self.publish(index);
            assert_eq!(self.line.pop(), Err(error));
            assert_eq!(add(self, 1, 0), Err(AddError::Poisoned(error)));
            assert_eq!(self.line.notify(), Notification::Suppressed);
        }
        assert_eq!(self.line.poison(DeviceError::NeedsReset), error, "the first error is the one that counts");
        assert_eq!((self.line.free(), self.line.in_flight()), (free, in_flight), "what the device holds it keeps");
        assert_eq!(self.soft.written(reg::QUEUE_NOTIFY), kicks);
    }

    /// The memory comes back after the reset.
    fn land(self) {
        let Self { mut memory, device, line, .. } = self;
        let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
        line.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.lent(), 0);
    }
}

/// A kite with buffers of 1, 3 and 2 elements in flight, the last of which is writable.
fn three_in_flight() -> (Flown<8>, [Token; 3]) {
    let mut kite = flown::<8>(8);
    let tokens = [add(&mut kite, 1, 0), add(&mut kite, 3, 1), add(&mut kite, 2, 2)].map(Result::unwrap);
    (kite, tokens)
}

#[test]
fn an_id_that_no_buffer_in_flight_has_is_an_error() {
    let (_, tokens) = three_in_flight();
    let heads = tokens.map(|token| token.index() as u32);
    let inner = (0..8).find(|id| !heads.contains(id) && *id > heads[1]).unwrap();
    // Inside another chain, free, behind the table, and right only if it is cut to 16 bits.
    for id in [inner, 7, 8, 0xffff, 0x1_0000 | heads[0], 0x1_0000 | heads[1], u32::MAX] {
        let (mut kite, _) = three_in_flight();
        kite.entry(0, id, 0);
        kite.publish(1);
        let error = DeviceError::NotOutstanding { queue: 0, id };
        assert_eq!(kite.line.pop(), Err(error), "{id:#x}");
        kite.assert_poisoned(error);
        kite.land();
    }
}

#[test]
fn the_same_buffer_twice_is_an_error() {
    let (mut kite, tokens) = three_in_flight();
    let id = tokens[1].index() as u32;
    kite.entry(0, id, 0);
    kite.entry(1, id, 0);
    kite.publish(2);
    assert_eq!(kite.line.pop(), Ok(Some(Used { token: tokens[1], written: 0 })));
    let error = DeviceError::NotOutstanding { queue: 0, id };
    assert_eq!(kite.line.pop(), Err(error));
    assert_eq!((kite.line.free(), kite.line.in_flight()), (5, 2), "it came back once");
    kite.assert_poisoned(error);
    kite.land();
}

/// Between two looks the device takes an entry back that it has published: what was read stays read.
#[test]
fn an_entry_that_changes_after_it_was_taken_changes_nothing() {
    let (mut kite, tokens) = three_in_flight();
    kite.entry(0, tokens[0].index() as u32, 0);
    kite.publish(1);
    assert!(kite.line.pop().unwrap().is_some());
    kite.entry(0, tokens[1].index() as u32, 0);
    assert_eq!(kite.line.pop(), Ok(None));
    assert_eq!(kite.line.in_flight(), 2);
    kite.land();
}

#[test]
fn an_index_that_jumps_is_an_error() {
    for (to, held) in [(4, 3), (5, 3), (0x7fff, 3), (0x8000, 3), (0xfffe, 3), (0xffff, 3)] {
        let (mut kite, tokens) = three_in_flight();
        for slot in 0..8 {
            kite.entry(slot, tokens[0].index() as u32, 0);
        }
        kite.publish(to);
        let error = DeviceError::IndexJumped { queue: 0, from: 0, to, in_flight: held };
        assert_eq!(kite.line.pop(), Err(error), "{to:#x}");
        kite.assert_poisoned(error);
        kite.land();
    }
}

#[test]
fn an_index_that_goes_back_is_an_error() {
    let (mut kite, tokens) = three_in_flight();
    kite.entry(0, tokens[2].index() as u32, 5);
    kite.publish(1);
    assert_eq!(kite.line.pop(), Ok(Some(Used { token: tokens[2], written: 5 })));
    kite.publish(0);
    let error = DeviceError::IndexJumped { queue: 0, from: 1, to: 0, in_flight: 2 };
    assert_eq!(kite.line.pop(), Err(error));
    kite.assert_poisoned(error);
    kite.land();
}

#[test]
fn an_index_without_any_buffer_in_flight_is_an_error() {
    let mut kite = flown::<8>(8);
    assert_eq!(kite.line.pop(), Ok(None));
    kite.publish(1);
    let error = DeviceError::IndexJumped { queue: 0, from: 0, to: 1, in_flight: 0 };
    assert_eq!(kite.line.pop(), Err(error));
    kite.assert_poisoned(error);
    kite.land();
}

/// The jump is measured across the wrap too: from 65535 to 2 is three.
#[test]
fn an_index_that_wraps_is_no_jump() {
    let mut kite = flown::<4>(4);
    for round in 0..65535_u16 {
        let token = add(&mut kite, 1, 0).unwrap();
        kite.entry(round, token.index() as u32, 0);
        kite.publish(round.wrapping_add(1));
        assert!(kite.line.pop().unwrap().is_some());
    }
    let tokens = [add(&mut kite, 1, 0), add(&mut kite, 1, 0), add(&mut kite, 2, 0)].map(Result::unwrap);
    for (place, token) in tokens.iter().enumerate() {
        kite.entry(65535_u16.wrapping_add(place as u16), token.index() as u32, 0);
    }
    kite.publish(2);
    let back: Vec<Token> = (0..3).map(|_| kite.line.pop().unwrap().unwrap().token).collect();
    assert_eq!(back, tokens);
    kite.publish(3);
    let error = DeviceError::IndexJumped { queue: 0, from: 2, to: 3, in_flight: 0 };
    assert_eq!(kite.line.pop(), Err(error));
    kite.land();
}

/// ring.split.used.1: the length is bounded by what the device may write.
#[test]
fn a_length_beyond_the_buffer_is_an_error() {
    for (buffer, length, capacity) in [(1, 17, 16), (1, u32::MAX, 16), (2, 33, 32), (2, 0x8000_0000, 32)] {
        let (mut kite, tokens) = three_in_flight();
        let id = tokens[buffer].index() as u32;
        kite.entry(0, id, length);
        kite.publish(1);
        let error = DeviceError::LengthTooLong { queue: 0, id, length, capacity };
        assert_eq!(kite.line.pop(), Err(error));
        assert_eq!((kite.line.free(), kite.line.in_flight()), (2, 3), "the buffer stays with the device");
        kite.assert_poisoned(error);
        kite.land();
    }
}

#[test]
fn a_length_up_to_the_buffer_is_reported() {
    for (buffer, length, written) in [(1, 16, 16), (1, 0, 0), (2, 32, 32), (2, 7, 7)] {
        let (mut kite, tokens) = three_in_flight();
        kite.entry(0, tokens[buffer].index() as u32, length);
        kite.publish(1);
        assert_eq!(kite.line.pop(), Ok(Some(Used { token: tokens[buffer], written })));
    }
}

/// A device cannot write to what it may only read: whatever it reports of that, 0 was written.
#[test]
fn nothing_was_written_to_a_buffer_that_is_only_read() {
    for length in [0, 1, 16] {
        let (mut kite, tokens) = three_in_flight();
        kite.entry(0, tokens[0].index() as u32, length);
        kite.publish(1);
        assert_eq!(kite.line.pop(), Ok(Some(Used { token: tokens[0], written: 0 })));
    }
}

/// The driver goes by its own books: what the device writes over the descriptor table and the available ring is not
/// read back, neither for chains that return nor for those that are added.
#[test]
fn what_the_device_writes_over_the_drivers_parts_is_not_believed() {
    let (mut kite, tokens) = three_in_flight();
    for at in 0..(16 * 8 + 6 + 2 * 8) / 2 {
        kite.memory.write16(kite.ring[0] + 2 * at, 0xffff);
    }
    for (slot, token) in [2, 1, 0].into_iter().enumerate() {
        kite.entry(slot as u16, tokens[token].index() as u32, 0);
    }
    kite.publish(3);
    for token in [2, 1, 0] {
        assert_eq!(kite.line.pop(), Ok(Some(Used { token: tokens[token], written: 0 })));
    }
    assert_eq!((kite.line.free(), kite.line.in_flight()), (8, 0));
    let token = add(&mut kite, 8, 0).unwrap();
    assert_eq!(kite.memory.read16(kite.ring[1] + 2), 4, "the index goes on from where it was");
    assert_eq!(usize::from(kite.memory.read16(kite.ring[1] + 4 + 2 * 3)), token.index());
    let mut seen = [false; 8];
    let mut id = token.index();
    for element in 0..8 {
        let at = kite.ring[0] + 16 * id as u64;
        assert_eq!((kite.memory.read64(at), kite.memory.read32(at + 8)), (0x40_0000, 16));
        assert!(!std::mem::replace(&mut seen[id], true), "no descriptor is lent twice");
        assert_eq!(kite.memory.read16(at + 12), u16::from(element < 7));
        id = usize::from(kite.memory.read16(at + 14));
    }
    kite.land();
}

/// ring.split.layout.7: the used ring is the device's.
#[test]
fn the_driver_never_writes_to_the_used_ring() {
    let (mut kite, tokens) = three_in_flight();
    for at in 0..(6 + 8 * 8) / 2 {
        kite.memory.write16(kite.ring[2] + 2 * at, 0xabcd);
    }
    kite.entry(0, tokens[0].index() as u32, 0);
    kite.publish(1);
    let before = kite.memory.bytes(kite.ring[2], 6 + 8 * 8);
    kite.line.pop().unwrap();
    kite.line.set_interrupts(Interrupts::Disabled);
    kite.line.set_interrupts(Interrupts::Enabled);
    add(&mut kite, 1, 0).unwrap();
    kite.line.notify();
    assert_eq!(kite.memory.bytes(kite.ring[2], before.len()), before);
}

/// ring.split.avail-notif.2 to .4: bit 0 of the flags decides, the other bits and `avail_event` do not.
#[test]
fn notifications_follow_the_flag_and_nothing_else() {
    let mut kite = flown::<8>(8);
    let avail_event = kite.ring[2] + ENTRIES + 8 * 8;
    for (flags, event, expected) in [
        (0, 0, Notification::Sent),
        (1, 0, Notification::Suppressed),
        (0xfffe, 0, Notification::Sent),
        (0xffff, 0, Notification::Suppressed),
        (0, 0x7fff, Notification::Sent),
        (0, 0xffff, Notification::Sent),
        (1, 1, Notification::Suppressed),
    ] {
        kite.memory.write16(kite.ring[2], flags);
        kite.memory.write16(avail_event, event);
        assert_eq!(kite.line.notify(), expected, "{flags:#x} {event:#x}");
    }
    assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY), [0; 4]);
}

/// The peer's weakness: across the wrap of the index, every batch is announced.
#[test]
fn every_batch_is_announced_across_the_wrap_of_the_index() {
    let mut kite = flown::<4>(4);
    let mut index = 0_u16;
    for batch in 0..22_000_u32 {
        for _ in 0..3 {
            let token = add(&mut kite, 1, 0).unwrap();
            kite.entry(index, token.index() as u32, 0);
            index = index.wrapping_add(1);
        }
        assert_eq!(kite.line.notify(), Notification::Sent, "{batch}");
        kite.publish(index);
        while kite.line.pop().unwrap().is_some() {}
    }
    assert_eq!(kite.soft.written(reg::QUEUE_NOTIFY).len(), 22_000);
}

/// ring.split.used-notif.1, ring.split.used-notif.2, ring.split.receive.1: 0 or 1 is written, and nothing else.
#[test]
fn interrupts_are_turned_off_and_on() {
    let mut kite = flown::<8>(8);
    let flags = |kite: &Flown<8>| kite.memory.read16(kite.ring[1]);
    assert_eq!(flags(&kite), 0, "wanted at first");
    for (interrupts, expected) in
        [(Interrupts::Disabled, 1), (Interrupts::Disabled, 1), (Interrupts::Enabled, 0), (Interrupts::Enabled, 0)]
    {
        kite.line.set_interrupts(interrupts);
        assert_eq!(flags(&kite), expected);
        add(&mut kite, 1, 0).unwrap();
        assert_eq!(flags(&kite), expected, "adding leaves the flags alone");
    }
    assert_eq!(kite.memory.read16(kite.ring[1] + 2), 4);
    // ring.split.receive.2: what came before the interrupts were turned on is found by looking once more.
    kite.entry(0, 0, 0);
    kite.publish(1);
    kite.line.set_interrupts(Interrupts::Enabled);
    assert!(kite.line.pop().unwrap().is_some());
}

/// A queue that owns its buffers keeps them when the device lies, and gives them back after the reset only.
#[test]
fn owned_buffers_stay_when_the_device_lies() {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, 8, &mut memory).unwrap();
    let device = device.go_live();
    let mut reel = reel.enable(&device);
    assert!(reel.send(|buffer| assert_eq!(buffer.bytes(&[1]), 1)).unwrap().is_some());
    let used = soft.model().queues[1].addresses[2];
    memory.write32(used + ENTRIES, 3);
    memory.write16(used + INDEX, 1);
    let error = DeviceError::NotOutstanding { queue: 1, id: 3 };
    assert_eq!(reel.pop(), Err(error));
    assert_eq!(reel.send(|_| panic!("an unusable queue asks for nothing")), Err(AddError::Poisoned(error)));
    assert_eq!((reel.in_flight(), reel.notify()), (1, Notification::Suppressed));
    assert_eq!(memory.lent(), 2);
    let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
    reel.release(&proof, &mut memory).unwrap();
    assert_eq!(memory.lent(), 0);
}

/// A dropped queue leaks its ring: the device may be using it.
#[test]
fn a_dropped_queue_gives_no_memory_back() {
    let kite = flown::<8>(8);
    let memory = kite.memory.clone();
    drop(kite);
    assert_eq!(memory.lent(), 1);
}
