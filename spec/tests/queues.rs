//! Tests of queues whose index is known only at run time.

use aerostat_spec::{Accepted, ComputedQueues, Device, Queue};

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { mq = 0, ctrl = 1 }
        queues {
            event = 1 writable,
            receive = 2n + 4 from 1 count pairs if mq,
            transmit = 2n + 5 from 1 count pairs readable,
            control = 2 * pairs + 6 if ctrl,
        }
        config { pairs: le16 read }
    }

    device fan = 62 {
        queues { request = 2.. }
    }

    device heater = 61 {
        queues { last = level }
        config { level: le16 read }
    }

    // The fields have names that generated code could use for parameters and variables.
    device radio = 60 {
        features { proof = 0 }
        queues {
            channel = 3n count n,
            guarded = 3n + 1 count n if proof,
            number = 3n + 2 count number,
        }
        config { n: le16 read, number: le16 read }
    }

    device sensor = 59 {
        features { proof = 0 }
        queues { type = index if proof }
        config { index: u8 read }
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
    use fan::queue::Request;

    assert_eq!([0, 1, 65533].map(|n| index(Request::at(n))), [Some(2), Some(3), Some(65535)]);
    assert_eq!(index(Request::at(65534)), None);
}

#[test]
fn number_is_checked_against_the_configuration() {
    use heater::queue::Last;
    use lamp::queue::{Control, Receive, Transmit};

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
fn field_can_have_the_name_of_the_number() {
    use radio::queue::{Channel, Number};

    assert_eq!([1, 2].map(|n| index(Channel::at(n, 2))), [Some(3), None]);
    assert_eq!([1, 2].map(|n| index(Number::at(n, 2))), [Some(5), None]);
}

#[test]
fn device_lists_fixed_and_computed_queues() {
    let fixed: Vec<_> = lamp::Device::QUEUES.iter().map(|queue| (queue.name, queue.index, queue.needs)).collect();
    assert_eq!(fixed, [("event", 1, 0)]);
    let devices = [lamp::Device::COMPUTED_QUEUES, fan::Device::COMPUTED_QUEUES, heater::Device::COMPUTED_QUEUES];
    let computed = devices.into_iter().flatten();
    let computed: Vec<_> = computed
        .map(|ComputedQueues { spec, step }| (spec.name, spec.index, spec.needs, step.map_or(0, |step| step.get())))
        .collect();
    let of_lamp = [("receive", 6, 1, 2), ("transmit", 7, 0, 2), ("control", 8, 2, 0)];
    assert_eq!(computed, [&of_lamp[..], &[("request", 2, 0, 1), ("last", 1, 0, 0)]].concat());
}

/// The functions count what the constructors of the queues make.
#[test]
fn queues_of_a_range_are_counted() {
    let [receive, transmit, _] = lamp::Device::COMPUTED_QUEUES else { panic!("three queues") };
    let ([request], [last]) = (fan::Device::COMPUTED_QUEUES, heater::Device::COMPUTED_QUEUES) else {
        panic!("two queues")
    };
    for index in (0..100).chain(65_500..=u16::MAX) {
        let transmits = (0..=u16::MAX).filter_map(|n| lamp::queue::Transmit::at(n, u16::MAX));
        let below = transmits.filter(|queue| queue.spec().index < index).count();
        assert_eq!(transmit.count_below(index), below as u16, "{index}");
        assert_eq!(request.count_below(index), index.saturating_sub(2), "{index}");
        assert_eq!(last.count_below(index), 0, "{index}");
    }
    assert_eq!([last, request, transmit].map(|queue| queue.highest_index()), [65535, 65535, 65535]);
    assert_eq!(receive.highest_index(), 65534);
}

#[test]
fn description_says_which_side_writes() {
    use fan::queue::Request;
    use lamp::queue::{Event, Transmit};

    fn direction<Q: Queue>() -> &'static str {
        std::any::type_name::<Q::Buffers>().rsplit("::").next().unwrap()
    }

    let buffers = [direction::<Event>(), direction::<Request>(), direction::<Transmit>()];
    assert_eq!(buffers, ["DeviceWrites", "Both", "DeviceReads"]);
    assert_eq!(Event.spec(), Event::SPEC);
}
