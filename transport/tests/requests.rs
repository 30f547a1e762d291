//! Requests of a description over a queue.
#![cfg(target_pointer_width = "64")]

use aerostat_spec::{AnswerError, Request as _};
use aerostat_test_support::peer::{guest, peer};
use aerostat_test_support::{Memory, Plain, SoftMmio, negotiated, test_device};
use aerostat_transport::queue::{AddError, Enabled, ReceiveError, SendError};
use aerostat_transport::{BufferQueue, Device, Live, Mmio, MmioNotifier};
use virtio_queue::{Queue, QueueOwnedT, QueueT};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        enum status: u8 { ok, failed }
        request read { readable { first: le32, name: [u8] } writable { data: [u8], status: status } }
    }
}

/// A live device with queue 1, and the device side of the queue.
struct Fixture {
    memory: Memory,
    _device: Device<Mmio<SoftMmio>, test_device::Device, Live<Plain>>,
    queue1: BufferQueue<MmioNotifier<SoftMmio>, 4, Enabled>,
    queue: Queue,
}

fn fixture() -> Fixture {
    let (soft, mut memory) = (SoftMmio::new(42), Memory::new());
    let mut device = negotiated(&soft);
    let queue1 = device.buffer_queue::<_, 4>(test_device::queue::Queue1, 1, 16, &mut memory).unwrap();
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
        fixture.queue1.send_request(&REQUEST).unwrap();
        fixture.answer(&[1, 2, 3]);
        let error = AnswerError::Short { field: "status", needed: 4, written: 3 };
        let mut memory = [0; 16];
        let received = fixture.queue1.receive_answer::<lamp::Read<'_>>(|_| REQUEST.shape(), &mut memory);
        assert_eq!(received, Err(ReceiveError::Answer(error)));
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
