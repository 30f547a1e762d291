//! The queue that owns its buffers: responses and their reported lengths.
#![cfg(target_pointer_width = "64")]

use aerostat_test_support::peer::{guest, peer};
use aerostat_test_support::{Memory, Plain, SoftMmio, negotiated, reg, test_device};
use aerostat_transport::queue::{AddError, Enabled, Notification, Reader, Used};
use aerostat_transport::{BufferQueue, Device, DeviceError, Live, Mmio, MmioNotifier};
use virtio_queue::{Queue, QueueOwnedT, QueueT};
use vm_memory::GuestAddress;

/// Bytes of a buffer.
const EACH: usize = 16;

/// A live device with queue 1, and the device side of the queue.
struct Fixture {
    memory: Memory,
    device: Device<Mmio<SoftMmio>, test_device::Device, Live<Plain>>,
    queue1: BufferQueue<MmioNotifier<SoftMmio>, 4, Enabled>,
    queue: Queue,
}

/// A buffer as the device sees it: its head, the request, and address and length of the response.
type Found = (u16, Vec<u8>, Option<(GuestAddress, u32)>);

fn fixture() -> Fixture {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, EACH, &mut memory).unwrap();
    let device = device.go_live();
    let queue1 = queue1.enable(&device);
    let part = soft.model().queues[1];
    Fixture { memory, device, queue1, queue: peer(part.size as u16, part.addresses) }
}

impl Fixture {
    /// Takes the new buffers, as the device does.
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

    /// Returns a buffer with a reported length, as the device does.
    fn used(&mut self, head: u16, length: u32) {
        self.queue.add_used(&guest(&self.memory), head, length).unwrap();
    }

    /// Receives the next response.
    fn answer(&mut self) -> Option<(Used, Vec<u8>)> {
        self.queue1.receive(|used, reader| (used, read(reader))).unwrap()
    }

    fn finish(self) {
        let Self { mut memory, device, queue1, .. } = self;
        let (_transport, proof) = device.reset().poll().map_err(|(_, error)| error).unwrap();
        queue1.release(&proof, &mut memory).unwrap();
        assert_eq!(memory.allocated(), 0);
    }
}

fn read(reader: &mut Reader<'_>) -> Vec<u8> {
    let mut bytes = [0xee; 2 * EACH];
    let count = reader.bytes(&mut bytes);
    assert!(bytes[count..].iter().all(|&byte| byte == 0xee), "nothing is written after the response");
    bytes[..count].to_vec()
}

// conformance: ring.split.used.1, ring.split.used.2
#[test]
fn a_response_has_the_reported_length() {
    let mut fixture = fixture();
    for (room, written) in [(8, 8), (8, 5), (8, 1), (8, 0), (EACH, EACH), (1, 1)] {
        let token = fixture.queue1.request(room, |_| {}).unwrap();
        let (head, request, answer) = fixture.found().remove(0);
        let (at, len) = answer.unwrap();
        assert_eq!((request, len as usize), (vec![], room));
        let bytes: Vec<u8> = (1..=room as u8).collect();
        fixture.write(&bytes, at);
        assert_eq!(fixture.answer(), None, "no response before the buffer is used");
        fixture.used(head, written as u32);
        let used = Used { token, written: written as u32 };
        assert_eq!(fixture.answer(), Some((used, bytes[..written].to_vec())));
        assert_eq!((fixture.answer(), fixture.queue1.in_flight()), (None, 0));
    }
    fixture.finish();
}

/// As for a block device: a header that the device reads, followed by data that it writes.
#[test]
fn a_response_follows_its_request() {
    let mut fixture = fixture();
    let token = fixture.queue1.request(5, |request| assert_eq!(request.bytes(b"header"), 6)).unwrap();
    assert_eq!(fixture.queue1.free(), 2, "a request with a response takes two descriptors");
    let (head, request, answer) = fixture.found().remove(0);
    assert_eq!(request, b"header");
    let (at, len) = answer.unwrap();
    assert_eq!(len, 5);
    fixture.write(b"fine!", at);
    fixture.used(head, 4);
    assert_eq!(fixture.answer(), Some((Used { token, written: 4 }, b"fine".to_vec())));
    assert_eq!(fixture.queue1.free(), 4);
    fixture.finish();
}

#[test]
fn a_response_leaves_the_rest_of_the_buffer_to_the_request() {
    let mut fixture = fixture();
    for (answer, room) in [(0, EACH), (1, EACH - 1), (EACH, 0), (usize::MAX, 0)] {
        fixture
            .queue1
            .request(answer, |request| assert_eq!((request.room(), request.bytes(&[7; 64])), (room, room)))
            .unwrap();
        let (head, request, found) = fixture.found().remove(0);
        assert_eq!((request.len(), found.map_or(0, |(_, len)| len as usize)), (room, EACH - room));
        fixture.used(head, 0);
        fixture.answer().unwrap();
    }
    fixture.finish();
}

#[test]
fn a_buffer_without_request_and_response_is_rejected() {
    let mut fixture = fixture();
    assert_eq!(fixture.queue1.request(0, |_| {}), Err(AddError::Empty { queue: 1 }));
    assert_eq!(fixture.queue1.send(|_| {}), Ok(None));
    assert_eq!((fixture.queue1.free(), fixture.found().len()), (4, 0));
    fixture.finish();
}

#[test]
fn a_request_with_a_response_needs_two_descriptors() {
    let mut fixture = fixture();
    for _ in 0..3 {
        fixture.queue1.request(1, |_| {}).unwrap();
    }
    let error = fixture.queue1.request(1, |request| assert_eq!(request.bytes(&[1]), 1)).unwrap_err();
    assert_eq!(error, AddError::Full { queue: 1, needed: 2, free: 1 });
    fixture.queue1.request(1, |_| {}).unwrap();
    let error = fixture.queue1.request(1, |_| panic!("without a free buffer nothing is written")).unwrap_err();
    assert_eq!(error, AddError::Full { queue: 1, needed: 1, free: 0 });
    fixture.finish();
}

/// Each response is read from the buffer that it was written to, in any order of use.
#[test]
fn responses_belong_to_their_requests_in_any_order() {
    let mut fixture = fixture();
    let mut tokens = Vec::new();
    for number in 0..4 {
        tokens.push(fixture.queue1.request(4 + number, |_| {}).unwrap());
    }
    let found = fixture.found();
    for (number, (_, _, answer)) in found.iter().enumerate() {
        fixture.write(&[number as u8; 4], answer.unwrap().0);
    }
    for number in [2, 0, 3, 1] {
        fixture.used(found[number].0, 4);
        let used = Used { token: tokens[number], written: 4 };
        assert_eq!(fixture.answer(), Some((used, vec![number as u8; 4])));
    }
    fixture.finish();
}

#[test]
fn a_length_beyond_the_response_is_an_error_and_nothing_is_read() {
    // More than the response, more than the buffer, and the largest number.
    for length in [7, EACH as u32 + 1, u32::MAX] {
        let mut fixture = fixture();
        fixture.queue1.request(6, |request| assert_eq!(request.bytes(b"header"), 6)).unwrap();
        let (head, ..) = fixture.found().remove(0);
        fixture.used(head, length);
        let error = DeviceError::LengthTooLong { queue: 1, id: head.into(), length, capacity: 6 };
        assert_eq!(fixture.queue1.receive(|_, _| panic!("an invalid length must not be read")), Err(error));
        assert_eq!(fixture.queue1.pop(), Err(error), "every later call");
        assert_eq!(fixture.queue1.request(1, |_| panic!("the queue is unusable")), Err(AddError::Poisoned(error)));
        assert_eq!((fixture.queue1.in_flight(), fixture.queue1.notify()), (1, Notification::Suppressed));
        assert_eq!(fixture.memory.allocated(), 2, "the buffer stays with the device");
        fixture.finish();
    }
}

/// Some deployed devices report the length that they have read.
#[test]
fn a_sent_buffer_has_no_response() {
    let mut fixture = fixture();
    let token = fixture.queue1.send(|buffer| assert_eq!(buffer.bytes(b"secret"), 6)).unwrap().unwrap();
    let (head, ..) = fixture.found().remove(0);
    fixture.used(head, 6);
    assert_eq!(fixture.answer(), Some((Used { token, written: 0 }, vec![])));
    fixture.finish();
}

/// New memory still has the kernel's old data.
#[test]
fn unwritten_bytes_of_a_response_are_zero() {
    let mut fixture = fixture();
    fixture.queue1.request(EACH, |_| {}).unwrap();
    let (head, ..) = fixture.found().remove(0);
    fixture.used(head, EACH as u32);
    assert_eq!(fixture.answer().unwrap().1, [0; EACH]);
    fixture.finish();
}

/// Late writes of the device to a used buffer show only in bytes that were not read yet.
#[test]
fn no_byte_of_a_response_is_read_twice() {
    let mut fixture = fixture();
    fixture.queue1.request(8, |_| {}).unwrap();
    let (head, _, answer) = fixture.found().remove(0);
    let (at, _) = answer.unwrap();
    fixture.write(&[1; 8], at);
    fixture.used(head, 8);
    let memory = fixture.memory.clone();
    let received = fixture.queue1.receive(|_, reader| {
        let mut first = [0; 3];
        assert_eq!((reader.remaining(), reader.bytes(&mut first), reader.remaining()), (8, 3, 5));
        memory.write(at.0, &[2; 8]);
        let rest = read(reader);
        assert_eq!((reader.remaining(), reader.bytes(&mut [0; 4])), (0, 0));
        (first, rest)
    });
    assert_eq!(received, Ok(Some(([1; 3], vec![2; 5]))));
    fixture.finish();
}

/// A device that reports more bytes than it has written: neither the kernel's request nor an earlier response comes back.
// conformance: ring.split.used.1
#[test]
fn bytes_that_the_device_did_not_write_are_zero() {
    let mut fixture = fixture();
    let mut written = [0, EACH, 3, 0, 5];
    for round in 0..20 {
        let (request, response) = if round % 2 == 0 { (0, EACH) } else { (7, 9) };
        fixture.queue1.request(response, |writer| assert_eq!(writer.bytes(&[0xaa; 16][..request]), request)).unwrap();
        let (head, _, answer) = fixture.found().remove(0);
        let (at, len) = answer.unwrap();
        let count = written[round % 5].min(response);
        fixture.write(&vec![0xbb; count], at);
        fixture.used(head, len);
        let (_, bytes) = fixture.answer().unwrap();
        let mut expected = vec![0xbb; count];
        expected.resize(response, 0);
        assert_eq!(bytes, expected, "{round}");
        written.rotate_left(1);
    }
    fixture.finish();
}

/// A notification that the device missed can be repeated, also while the device suppresses notifications.
#[test]
fn a_lost_notification_can_be_repeated() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut early = device.buffer_queue::<_, 4>(test_device::queue::Queue0, 1, EACH, &mut memory).unwrap();
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, EACH, &mut memory).unwrap();
    let device = device.go_live();
    let mut queue1 = queue1.enable(&device);
    let live = device.live_proof();
    assert_eq!(
        (queue1.notify_again(), early.notify_live_again(live)),
        (Notification::Suppressed, Notification::Suppressed)
    );
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [0_u32; 0], "nothing is in flight");
    for queue in [0, 1] {
        // The device suppresses notifications: flags of the used ring.
        let used = soft.model().queues[queue].addresses[2];
        memory.write16(used, 1);
    }
    queue1.request(1, |_| {}).unwrap();
    early.request(1, |_| {}).unwrap();
    assert_eq!((queue1.notify(), early.notify_live(live)), (Notification::Suppressed, Notification::Suppressed));
    for _ in 0..2 {
        assert_eq!((queue1.notify_again(), early.notify_live_again(live)), (Notification::Sent, Notification::Sent));
    }
    assert_eq!(soft.written(reg::QUEUE_NOTIFY), [1, 0, 1, 0]);
    let other = aerostat_test_support::live(&SoftMmio::new(42));
    assert_eq!(early.notify_live_again(other.live_proof()), Notification::Suppressed);
    assert_eq!(early.pop(), Err(DeviceError::OtherDevice { queue: 0 }));
    queue1.poison(DeviceError::NeedsReset);
    assert_eq!(queue1.notify_again(), Notification::Suppressed);
    assert_eq!(soft.written(reg::QUEUE_NOTIFY).len(), 4);
}
