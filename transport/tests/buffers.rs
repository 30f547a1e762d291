//! The queue that owns its buffers: what the device writes to them, and what it says that it has written.
#![cfg(target_pointer_width = "64")]

mod common;
mod peer;

use aerostat_transport::queue::{AddError, Enabled, Notification, Reader, Used};
use aerostat_transport::{BufferQueue, Device, DeviceError, Live, Mmio, MmioNotifier};
use common::{Memory, Plain, Soft, kite, started};
use peer::{guest, peer};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestAddress;

/// Bytes of a buffer.
const EACH: usize = 16;

/// A live kite with its reel, and the device's side of it.
struct Reeled {
    memory: Memory,
    device: Device<Mmio<Soft>, kite::Device, Live<Plain>>,
    reel: BufferQueue<MmioNotifier<Soft>, 4, Enabled>,
    queue: Queue,
}

/// What the device finds in a buffer: its head, the request, and where the answer goes with its length.
type Found = (u16, Vec<u8>, Option<(GuestAddress, u32)>);

fn reeled() -> Reeled {
    let (soft, mut memory) = (Soft::new(42), Memory::new());
    let mut device = started(&soft);
    let reel = device.buffer_queue::<_, 4>(kite::queue::Reel, 1, EACH, &mut memory).unwrap();
    let device = device.go_live();
    let reel = reel.enable(&device);
    let part = soft.model().queues[1];
    Reeled { memory, device, reel, queue: peer(part.size as u16, part.addresses) }
}

impl Reeled {
    /// The buffers that the device has not looked at yet.
    fn found(&mut self) -> Vec<Found> {
        let (memory, guest) = (&self.memory, guest(&self.memory));
        let chains = self.queue.iter(&guest).expect("the available index is right");
        let found = chains.map(|chain| {
            let (head, mut request, mut answer) = (chain.head_index(), Vec::new(), None);
            for descriptor in chain {
                match descriptor.is_write_only() {
                    true => answer = Some((descriptor.addr(), descriptor.len())),
                    false => request = memory.bytes(descriptor.addr().0, descriptor.len() as usize),
                }
            }
            (head, request, answer)
        });
        found.collect()
    }

    fn write(&self, bytes: &[u8], at: GuestAddress) {
        self.memory.write(at.0, bytes);
    }

    /// The device gives a buffer back and says that it has written so much.
    fn used(&mut self, head: u16, length: u32) {
        self.queue.add_used(&guest(&self.memory), head, length).unwrap();
    }

    /// The next answer, in a buffer that has room for more.
    fn answer(&mut self) -> Option<(Used, Vec<u8>)> {
        self.reel.receive(|used, reader| (used, read(reader))).unwrap()
    }

    fn land(self) {
        let Self { mut memory, device, reel, .. } = self;
        let (_transport, proof) = device.reset().map_err(|(_, error)| error).unwrap();
        reel.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.lent(), 0);
    }
}

fn read(reader: &mut Reader<'_>) -> Vec<u8> {
    let mut bytes = [0xee; 2 * EACH];
    let count = reader.bytes(&mut bytes);
    assert!(bytes[count..].iter().all(|&byte| byte == 0xee), "nothing is written behind what was read");
    bytes[..count].to_vec()
}

#[test]
fn an_answer_is_what_the_device_wrote_and_no_more() {
    let mut kite = reeled();
    for (room, written) in [(8, 8), (8, 5), (8, 1), (8, 0), (EACH, EACH), (1, 1)] {
        let token = kite.reel.ask(room, |_| {}).unwrap();
        let (head, request, answer) = kite.found().remove(0);
        let (at, len) = answer.unwrap();
        assert_eq!((request, len as usize), (vec![], room));
        let bytes: Vec<u8> = (1..=room as u8).collect();
        kite.write(&bytes, at);
        assert_eq!(kite.answer(), None, "not before it is back");
        kite.used(head, written as u32);
        let used = Used { token, written: written as u32 };
        assert_eq!(kite.answer(), Some((used, bytes[..written].to_vec())));
        assert_eq!((kite.answer(), kite.reel.in_flight()), (None, 0));
    }
    kite.land();
}

/// As a block device has it: a header that it reads, and behind it what it writes.
#[test]
fn an_answer_stands_behind_its_request() {
    let mut kite = reeled();
    let token = kite.reel.ask(5, |request| assert_eq!(request.bytes(b"header"), 6)).unwrap();
    assert_eq!(kite.reel.free(), 2, "a request with an answer takes two descriptors");
    let (head, request, answer) = kite.found().remove(0);
    assert_eq!(request, b"header");
    let (at, len) = answer.unwrap();
    assert_eq!(len, 5);
    kite.write(b"fine!", at);
    kite.used(head, 4);
    assert_eq!(kite.answer(), Some((Used { token, written: 4 }, b"fine".to_vec())));
    assert_eq!(kite.reel.free(), 4);
    kite.land();
}

#[test]
fn an_answer_leaves_the_rest_of_the_buffer_to_the_request() {
    let mut kite = reeled();
    for (answer, room) in [(0, EACH), (1, EACH - 1), (EACH, 0), (usize::MAX, 0)] {
        kite.reel.ask(answer, |request| assert_eq!((request.room(), request.bytes(&[7; 64])), (room, room))).unwrap();
        let (head, request, found) = kite.found().remove(0);
        assert_eq!((request.len(), found.map_or(0, |(_, len)| len as usize)), (room, EACH - room));
        kite.used(head, 0);
        kite.answer().unwrap();
    }
    kite.land();
}

#[test]
fn a_buffer_without_request_and_answer_is_refused() {
    let mut kite = reeled();
    assert_eq!(kite.reel.ask(0, |_| {}), Err(AddError::Empty { queue: 1 }));
    assert_eq!(kite.reel.send(|_| {}), Ok(None));
    assert_eq!((kite.reel.free(), kite.found().len()), (4, 0));
    kite.land();
}

#[test]
fn a_request_with_an_answer_needs_two_descriptors() {
    let mut kite = reeled();
    for _ in 0..3 {
        kite.reel.ask(1, |_| {}).unwrap();
    }
    let error = kite.reel.ask(1, |request| assert_eq!(request.bytes(&[1]), 1)).unwrap_err();
    assert_eq!(error, AddError::Full { queue: 1, needed: 2, free: 1 });
    kite.reel.ask(1, |_| {}).unwrap();
    let error = kite.reel.ask(1, |_| panic!("without a free buffer nothing is written")).unwrap_err();
    assert_eq!(error, AddError::Full { queue: 1, needed: 1, free: 0 });
    kite.land();
}

/// Each answer is read from the buffer that it was written to, in whatever order they come.
#[test]
fn answers_belong_to_their_requests_in_any_order() {
    let mut kite = reeled();
    let mut tokens = Vec::new();
    for number in 0..4 {
        tokens.push(kite.reel.ask(4 + number, |_| {}).unwrap());
    }
    let found = kite.found();
    for (number, (_, _, answer)) in found.iter().enumerate() {
        kite.write(&[number as u8; 4], answer.unwrap().0);
    }
    for number in [2, 0, 3, 1] {
        kite.used(found[number].0, 4);
        let used = Used { token: tokens[number], written: 4 };
        assert_eq!(kite.answer(), Some((used, vec![number as u8; 4])));
    }
    kite.land();
}

#[test]
fn a_length_beyond_the_answer_is_an_error_and_nothing_is_read() {
    // More than the answer, more than the buffer, more than there is.
    for length in [7, EACH as u32 + 1, u32::MAX] {
        let mut kite = reeled();
        kite.reel.ask(6, |request| assert_eq!(request.bytes(b"header"), 6)).unwrap();
        let (head, ..) = kite.found().remove(0);
        kite.used(head, length);
        let error = DeviceError::LengthTooLong { queue: 1, id: head.into(), length, capacity: 6 };
        assert_eq!(kite.reel.receive(|_, _| panic!("what the device says is not believed")), Err(error));
        assert_eq!(kite.reel.pop(), Err(error), "from now on");
        assert_eq!(kite.reel.ask(1, |_| panic!("the queue is unusable")), Err(AddError::Poisoned(error)));
        assert_eq!((kite.reel.in_flight(), kite.reel.notify()), (1, Notification::Suppressed));
        assert_eq!(kite.memory.lent(), 2, "the buffer stays with the device");
        kite.land();
    }
}

/// Some deployed devices report what they have read.
#[test]
fn there_is_no_answer_to_what_was_only_sent() {
    let mut kite = reeled();
    let token = kite.reel.send(|buffer| assert_eq!(buffer.bytes(b"secret"), 6)).unwrap().unwrap();
    let (head, ..) = kite.found().remove(0);
    kite.used(head, 6);
    assert_eq!(kite.answer(), Some((Used { token, written: 0 }, vec![])));
    kite.land();
}

/// New memory is full of what the kernel had there before.
#[test]
fn a_device_that_writes_nothing_of_what_it_says_leaves_zeros() {
    let mut kite = reeled();
    kite.reel.ask(EACH, |_| {}).unwrap();
    let (head, ..) = kite.found().remove(0);
    kite.used(head, EACH as u32);
    assert_eq!(kite.answer().unwrap().1, [0; EACH]);
    kite.land();
}

/// What a device writes to a buffer that it has given back can only be in bytes that were not read yet.
#[test]
fn no_byte_of_an_answer_is_read_twice() {
    let mut kite = reeled();
    kite.reel.ask(8, |_| {}).unwrap();
    let (head, _, answer) = kite.found().remove(0);
    let (at, _) = answer.unwrap();
    kite.write(&[1; 8], at);
    kite.used(head, 8);
    let memory = kite.memory.clone();
    let received = kite.reel.receive(|_, reader| {
        let mut first = [0; 3];
        assert_eq!((reader.left(), reader.bytes(&mut first), reader.left()), (8, 3, 5));
        memory.write(at.0, &[2; 8]);
        let rest = read(reader);
        assert_eq!((reader.left(), reader.bytes(&mut [0; 4])), (0, 0));
        (first, rest)
    });
    assert_eq!(received, Ok(Some(([1; 3], vec![2; 5]))));
    kite.land();
}
