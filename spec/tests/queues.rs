//! Tests of queues whose index is known only at run time.

use aerostat_spec::{Accepted, Device, Queue, QueueBuffers};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { mq = 0, ctrl = 1 }
        queues {
            event = 1 writable,
            request = 2..,
            receive = 2n + 4 from 1 count pairs if mq,
            transmit = 2n + 5 from 1 count pairs readable,
            control = 2 * pairs + 6 if ctrl,
            last = pairs,
        }
        config { pairs: le16 read }
    }
}

aerostat_spec::feature_set! {
    struct Declared for lamp { lamp::feature::Mq: Required, lamp::feature::Ctrl: Required }
}

fn index(queue: Option<impl Queue>) -> Option<u16> {
    queue.map(|queue| queue.spec().index)
}

#[test]
fn open_range_ends_at_the_highest_index() {
    use lamp::queue::Request;

    assert_eq!([0, 1, 65533].map(|n| index(Request::at(n))), [Some(2), Some(3), Some(65535)]);
    assert_eq!(index(Request::at(65534)), None);
}

#[test]
fn number_is_checked_against_the_configuration() {
    use lamp::queue::{Control, Last, Receive, Transmit};

    assert_eq!([0, 1, 2, 3].map(|n| index(Transmit::at(n, 3))), [None, Some(7), Some(9), None]);
    assert_eq!(index(Transmit::at(65535, 65535)), None);
    // SAFETY: the proofs are not used with a device.
    let accepted = unsafe { Accepted::<Declared>::negotiate(3, u64::MAX) }.expect("both features are offered");
    let (mq, ctrl) = (accepted.proof(lamp::feature::Mq), accepted.proof(lamp::feature::Ctrl));
    assert_eq!([1, 2].map(|n| index(Receive::given(mq, n, 2))), [Some(6), None]);
    assert_eq!([0, 1, 29, 65535].map(|pairs| index(Control::given(ctrl, pairs))), [Some(6), Some(8), Some(64), None]);
    assert_eq!(index(Last::at(9)), Some(9));
}

#[test]
fn device_lists_the_lowest_indexes() {
    let queues: Vec<_> = lamp::Device::QUEUES.iter().map(|queue| (queue.name, queue.index, queue.needs)).collect();
    let expected = [("event", 1, 0), ("last", 1, 0), ("request", 2, 0), ("receive", 6, 1), ("transmit", 7, 0)];
    assert_eq!(queues, [&expected[..], &[("control", 8, 2)]].concat());
}

#[test]
fn description_says_which_side_writes() {
    use lamp::queue::{Event, Request, Transmit};

    let buffers = [Event::BUFFERS, Request::BUFFERS, Transmit::BUFFERS];
    assert_eq!(buffers, [QueueBuffers::DeviceWrites, QueueBuffers::Any, QueueBuffers::DeviceReads]);
    assert_eq!(Event.spec(), Event::SPEC);
}
