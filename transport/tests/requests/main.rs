//! Requests of a description over a queue, and a driver with two such queues.
#![cfg(target_pointer_width = "64")]

mod two_queues;

use aerostat_spec::{AnswerError, Request as _};
use aerostat_test_support::peer::{guest, peer};
use aerostat_test_support::{Memory, SoftMmio};
use aerostat_transport::queue::{Access, AddError, Element, Enabled, ReceiveError, SendError};
use aerostat_transport::{Device, DeviceAddress, FeaturesOk, Live, Mmio, MmioNotifier, RequestQueue, VirtQueue};
use virtio_queue::{Queue, QueueOwnedT, QueueT};

aerostat_spec::virtio_device! {
    device lamp = 42 {
        queues { requests = 0, urgent = 1, events = 2 writable, logs = 3 readable }
        enum status: u8 { ok, failed }
        request read on requests or urgent { readable { first: le32, name: [u8] } writable { data: [u8], status: status } }
    }
}

aerostat_spec::feature_set! { struct Nothing for lamp {} }

/// A live device with queue 1, and the device side of the queue.
struct Fixture {
    memory: Memory,
    _device: Device<Mmio<SoftMmio>, lamp::Device, Live<Nothing>>,
    queue1: RequestQueue<lamp::queue::Urgent, MmioNotifier<SoftMmio>, 4, Enabled>,
    queue: Queue,
}

fn negotiated(soft: &SoftMmio) -> Device<Mmio<SoftMmio>, lamp::Device, FeaturesOk<Nothing>> {
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap();
    device.acknowledge().driver().negotiate().unwrap()
}

fn fixture() -> Fixture {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.request_queue::<_, 4>(lamp::queue::Urgent, 1, 16, &mut memory).unwrap();
    let device = device.go_live();
    let queue1 = queue1.enable(&device);
    let part = soft.model().queues[1];
    Fixture { memory, _device: device, queue1, queue: peer(part.size as u16, part.addresses) }
}

impl Fixture {
    /// Answers the next request, as the device does, and returns it.
    fn answer(&mut self, answer: &[u8]) -> Vec<u8> {
        let guest = guest(&self.memory);
        let mut chain = self.queue.iter(&guest).expect("the available index is right").next().expect("a request");
        let head = chain.head_index();
        let request = chain.next().expect("the readable part");
        let writable = chain.next().expect("the writable part");
        assert!(!request.is_write_only() && writable.is_write_only());
        let bytes = self.memory.bytes(request.addr().0, request.len() as usize);
        self.memory.write(writable.addr().0, answer);
        self.queue.add_used(&guest, head, answer.len() as u32).unwrap();
        bytes
    }
}

const REQUEST: lamp::Read<'static> = lamp::Read { first: 7, name: b"ab", data_len: 3 };

#[test]
fn request_and_answer_have_the_described_layout() {
    let mut fixture = fixture();
    let token = fixture.queue1.send_request(&REQUEST).unwrap();
    let (shape, mut memory) = (REQUEST.shape(), [0; 16]);
    assert_eq!(fixture.queue1.receive_answer::<lamp::Read<'_>>(|_| shape, &mut memory), Ok(None));
    assert_eq!(fixture.answer(&[1, 2, 3, 1]), [7, 0, 0, 0, b'a', b'b']);
    let answer = lamp::ReadAnswer { data: &[1, 2, 3], status: lamp::Status::Failed };
    assert_eq!(fixture.queue1.receive_answer::<lamp::Read<'_>>(|_| shape, &mut memory), Ok(Some((token, answer))));
}

#[test]
fn answer_that_is_too_short_is_an_error_and_the_queue_stays_usable() {
    let mut fixture = fixture();
    for _ in 0..2 {
        let token = fixture.queue1.send_request(&REQUEST).unwrap();
        fixture.answer(&[1, 2, 3]);
        let error = AnswerError::Short { field: "status", needed: 4, written: 3 };
        let mut memory = [0; 16];
        let received = fixture.queue1.receive_answer::<lamp::Read<'_>>(|_| REQUEST.shape(), &mut memory);
        assert_eq!(received, Err(ReceiveError::Answer { token, written: 3, error }));
        assert_eq!(memory[..4], [1, 2, 3, 0], "the driver can look for a header in what there is");
    }
}

#[test]
fn answer_that_does_not_fit_in_the_memory_is_an_error_and_the_queue_stays_usable() {
    let mut fixture = fixture();
    for len in [3, 0, 4] {
        let token = fixture.queue1.send_request(&REQUEST).unwrap();
        fixture.answer(&[1, 2, 3, 0]);
        let mut memory = vec![0; len];
        let received = fixture.queue1.receive_answer::<lamp::Read<'_>>(|_| REQUEST.shape(), &mut memory);
        match len {
            4 => assert!(matches!(received, Ok(Some((found, _))) if found == token)),
            _ => assert_eq!(received, Err(ReceiveError::MemoryTooShort { token, needed: 4, len })),
        }
    }
}

#[test]
fn request_that_does_not_fit_is_not_sent() {
    let mut fixture = fixture();
    let long = lamp::Read { data_len: 10, ..REQUEST };
    let error = SendError::BufferTooShort { needed: 17, len: 16 };
    assert_eq!(fixture.queue1.send_request(&long), Err(error));
    assert_eq!(fixture.queue1.in_flight(), 0);
    let fits = lamp::Read { data_len: 9, ..REQUEST };
    for _ in 0..2 {
        fixture.queue1.send_request(&fits).unwrap();
    }
    assert!(matches!(fixture.queue1.send_request(&fits), Err(SendError::Add(AddError::Full { .. }))));
}

/// The description says which side writes the buffers of `events` and `logs`. Elements have a direction of their own.
#[test]
fn buffer_for_the_other_direction_is_rejected() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut events = device.queue::<_, 4>(lamp::queue::Events, 1, &mut memory).unwrap();
    let mut logs = device.queue::<_, 4>(lamp::queue::Logs, 1, &mut memory).unwrap();
    let mut both = device.queue::<_, 4>(lamp::queue::Requests, 1, &mut memory).unwrap();
    let element = |access| Element { address: DeviceAddress(0x1000), len: 1, access };
    let (read, written) = (element(Access::DeviceReads), element(Access::DeviceWrites));
    let add = |queue: &mut VirtQueue<_, 4>, elements: &[Element]| {
        // SAFETY: no device accesses the memory.
        unsafe { queue.add(elements) }.map(drop)
    };
    for elements in [&[read][..], &[read, written]] {
        assert_eq!(add(&mut events, elements), Err(AddError::Direction { queue: 2 }));
    }
    for elements in [&[written][..], &[read, written]] {
        assert_eq!(add(&mut logs, elements), Err(AddError::Direction { queue: 3 }));
    }
    assert_eq!((events.in_flight(), logs.in_flight()), (0, 0));
    assert_eq!(add(&mut events, &[written, written]), Ok(()));
    assert_eq!(add(&mut logs, &[read, read]), Ok(()));
    assert_eq!(add(&mut both, &[read, written]), Ok(()));
}

/// A queue whose buffers the device writes gets buffers without a request.
#[test]
fn writable_buffer_has_no_request() {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let mut events = device.buffer_queue::<_, 4>(lamp::queue::Events, 1, 16, &mut memory).unwrap();
    let mut logs = device.buffer_queue::<_, 4>(lamp::queue::Logs, 1, 16, &mut memory).unwrap();
    events.add_writable(64).unwrap();
    assert_eq!(events.add_writable(0), Err(AddError::Empty { queue: 2 }));
    assert!(logs.send(|buffer| assert_eq!(buffer.bytes(b"lit"), 3)).unwrap().is_some());
    for (number, is_written, len) in [(2, true, 16), (3, false, 3)] {
        let part = soft.model().queues[number];
        let mut other = peer(part.size as u16, part.addresses);
        let guest = guest(&memory);
        let elements: Vec<_> = other.iter(&guest).unwrap().next().expect("a buffer").collect();
        let elements: Vec<_> = elements.iter().map(|element| (element.is_write_only(), element.len())).collect();
        assert_eq!(elements, [(is_written, len)], "{number}");
    }
}
