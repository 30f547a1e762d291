//! Queues whose index is known only at run time, with the shapes of the file system and console devices.

use aerostat_spec::{FeatureSet, Queue, QueueSpec, RequestOn};
use aerostat_test_support::{Memory, SoftMmio};
use aerostat_transport::{Device, FeaturesOk, Mmio, Numbering, QueueError};

use super::{assert_advises, set_queues};

aerostat_spec::virtio_spec!("../spec/vspec/fs.vspec");
aerostat_spec::virtio_spec!("../spec/vspec/console.vspec");

aerostat_spec::virtio_device! {
    device lamp = 63 {
        features { dimming = 0, timers = 1 }
        queues {
            switch = 0,
            dimmer = 2n + 1 count pairs if dimming,
            timer = 2n + 2 if timers,
            control = 2 * pairs + 1,
        }
        config { pairs: le16 read }
    }
}

aerostat_spec::feature_set! { struct OfFs for fs { fs::feature::Notification: Optional } }
aerostat_spec::feature_set! { struct NothingOfFs for fs {} }
aerostat_spec::feature_set! { struct OfConsole for console { console::feature::Multiport: Required } }
aerostat_spec::feature_set! {
    struct OfLamp for lamp { lamp::feature::Dimming: Optional, lamp::feature::Timers: Required }
}

const POLICIES: [Numbering; 4] =
    [Numbering::Automatic, Numbering::Specification, Numbering::DenseOverOffered, Numbering::DenseOverNegotiated];

type Negotiated<D, F> = Device<Mmio<SoftMmio>, D, FeaturesOk<F>>;

/// Negotiates with a device that offers these features and has this many queues.
fn negotiated<D: aerostat_spec::Device, F: FeatureSet>(offered: u64, chosen: u64, queues: u16) -> Negotiated<D, F> {
    let soft = SoftMmio::new(D::ID.0);
    soft.model().offered = 1 << 32 | offered;
    set_queues(&soft, &(0..queues).collect::<Vec<_>>());
    let transport = Mmio::new(soft).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    device.negotiate_within(|_| 1 << 32 | chosen).map_err(|failed| failed.error).unwrap()
}

/// Returns the numbers of the high priority queue and of four request queues.
fn of_fs<F: FeatureSet>(
    offered: u64,
    chosen: u64,
    queues: u16,
    policy: Numbering,
) -> Result<(u16, Vec<u16>), QueueError> {
    use fs::queue::{Hiprio, Request};

    let (mut device, mut memory) = (negotiated::<fs::Device, F>(offered, chosen, queues), Memory::new());
    device.number_queues(policy)?;
    let hiprio = device.queue::<_, 1>(Hiprio, 1, &mut memory)?.index();
    let requests = (0..4).map(|n| device.queue::<_, 1>(Request::at(n, 4).unwrap(), 1, &mut memory));
    Ok((hiprio, requests.map(|queue| Ok(queue?.index())).collect::<Result<_, QueueError>>()?))
}

fn ambiguous(queue: &str, numbers: [u16; 2], error: QueueError) {
    assert_advises(error, queue);
    let QueueError::AmbiguousNumbers { queue: QueueSpec { name, .. }, numbers: found } = error else {
        panic!("{error}")
    };
    assert_eq!((*name, found), (queue, numbers));
}

/// Known devices do not offer the feature and count request queues from 1.
#[test]
fn file_system_without_notifications() {
    let of_fs = |policy| of_fs::<OfFs>(0, 0, 6, policy);
    assert_eq!(of_fs(Numbering::Specification), Ok((0, vec![2, 3, 4, 5])));
    assert_eq!(of_fs(Numbering::DenseOverOffered), Ok((0, vec![1, 2, 3, 4])));
    assert_eq!(of_fs(Numbering::DenseOverNegotiated), Ok((0, vec![1, 2, 3, 4])));
    ambiguous("request", [2, 1], of_fs(Numbering::Automatic).unwrap_err());
}

/// The driver does not use notifications, but its request queues are behind the notification queue.
#[test]
fn driver_without_notifications_numbers_request_queues() {
    for (offered, first) in [(0, 1), (1, 2)] {
        let numbers = Ok((0, (first..first + 4).collect()));
        assert_eq!(of_fs::<NothingOfFs>(offered, 0, 6, Numbering::DenseOverOffered), numbers);
        ambiguous("request", [2, 1], of_fs::<NothingOfFs>(offered, 0, 6, Numbering::Automatic).unwrap_err());
    }
}

#[test]
fn file_system_with_notifications() {
    for policy in POLICIES {
        assert_eq!(of_fs::<OfFs>(1, 1, 6, policy), Ok((0, vec![2, 3, 4, 5])), "{policy:?}");
    }
    assert_eq!(of_fs::<OfFs>(1, 0, 6, Numbering::DenseOverOffered), Ok((0, vec![2, 3, 4, 5])));
    assert_eq!(of_fs::<OfFs>(1, 0, 6, Numbering::DenseOverNegotiated), Ok((0, vec![1, 2, 3, 4])));
}

/// FORGET, for instance, goes into the high priority queue. Fails to compile otherwise.
#[test]
fn fuse_requests_go_into_both_kinds_of_queues() {
    fn queue_of<R: RequestOn<Q>, Q: Queue>(_request: Option<R>) -> &'static str {
        Q::SPEC.name
    }

    let request: Option<fs::Fuse<'_>> = None;
    assert_eq!(queue_of::<_, fs::queue::Hiprio>(request), "hiprio");
    assert_eq!(queue_of::<_, fs::queue::Request>(request), "request");
}

/// A device without its only fixed queue fits no numbering, also if the queue in question is computed.
#[test]
fn file_system_without_queues_has_no_numbers() {
    let error = of_fs::<OfFs>(0, 0, 0, Numbering::Automatic).unwrap_err();
    assert_advises(error, "no queues");
    assert!(matches!(error, QueueError::UnknownNumbers { queue: QueueSpec { name: "request", .. } }), "{error}");
}

/// Only port 0 exists, so other ports have no queues. This does not exclude a numbering.
#[test]
fn console_with_one_port() {
    use console::queue::{ControlReceive, ControlTransmit, Receive, Transmit};

    for policy in POLICIES {
        let (mut device, mut memory) = (negotiated::<console::Device, OfConsole>(2, 2, 4), Memory::new());
        assert_eq!(device.number_queues(policy), Ok(()), "{policy:?}");
        let proof = device.accepted().proof(console::feature::Multiport);
        let numbers = [
            device.queue::<_, 1>(Receive, 1, &mut memory).unwrap().index(),
            device.queue::<_, 1>(Transmit, 1, &mut memory).unwrap().index(),
            device.queue::<_, 1>(ControlReceive::given(proof), 1, &mut memory).unwrap().index(),
            device.queue::<_, 1>(ControlTransmit::given(proof), 1, &mut memory).unwrap().index(),
        ];
        assert_eq!(numbers, [0, 1, 2, 3], "{policy:?}");
    }
}

#[test]
fn console_with_several_ports() {
    use console::queue::{PortReceive, PortTransmit};

    for policy in POLICIES {
        let (mut device, mut memory) = (negotiated::<console::Device, OfConsole>(2, 2, 10), Memory::new());
        assert_eq!(device.number_queues(policy), Ok(()), "{policy:?}");
        let proof = device.accepted().proof(console::feature::Multiport);
        for port in 1..4 {
            let receive = PortReceive::given(proof, port, 4).unwrap();
            let transmit = PortTransmit::given(proof, port, 4).unwrap();
            let numbers = [
                device.queue::<_, 1>(receive, 1, &mut memory).unwrap().index(),
                device.queue::<_, 1>(transmit, 1, &mut memory).unwrap().index(),
            ];
            assert_eq!(numbers, [2 * port + 2, 2 * port + 3], "{policy:?}");
        }
    }
}

/// Two ranges alternate, and the device does not have one of them.
#[test]
fn missing_range_between_others_is_not_counted() {
    use lamp::queue::{Control, Timer};

    let of_lamp = |offered: u64, policy| {
        let (mut device, mut memory) = (negotiated::<lamp::Device, OfLamp>(offered, offered, 8), Memory::new());
        device.number_queues(policy)?;
        let proof = device.accepted().proof(lamp::feature::Timers);
        let mut number = |n| Ok(device.queue::<_, 1>(Timer::given(proof, n).unwrap(), 1, &mut memory)?.index());
        let timers = [number(0)?, number(1)?, number(2)?];
        Ok((timers, device.queue::<_, 1>(Control::at(3).unwrap(), 1, &mut memory)?.index()))
    };
    for policy in POLICIES {
        assert_eq!(of_lamp(0b11, policy), Ok(([2, 4, 6], 7)), "{policy:?}");
    }
    for policy in [Numbering::DenseOverOffered, Numbering::DenseOverNegotiated] {
        assert_eq!(of_lamp(0b10, policy), Ok(([1, 2, 3], 4)), "{policy:?}");
    }
    ambiguous("timer", [2, 1], of_lamp(0b10, Numbering::Automatic).unwrap_err());
}
