//! What the detection reads, and when.

use aerostat_spec::balloon::feature::{PageReporting, StatsVq};
use aerostat_spec::balloon::{self, queue};
use aerostat_spec::{Device as _, QueueSpec};
use aerostat_test_support::{Memory, RegisterAccess, SoftMmio, reg};
use aerostat_transport::{Device, Mmio, Numbering, QueueError};

use super::{ALL, HINT, REPORT, STATS, negotiated, proof, set_queues, set_up};

const REPORTING: &QueueSpec = &balloon::Device::QUEUES[4];

/// A device that offers the feature and lacks the queue under every number. The numbers can still be set.
#[test]
fn a_missing_queue_has_no_number() {
    let (soft, mut device) = negotiated(REPORT, REPORT, &[0, 1, 4], &[0, 1]);
    let unknown = QueueError::UnknownNumbers { queue: REPORTING };
    assert_eq!(device.number_queues(Numbering::Automatic), Err(unknown));
    let accesses = soft.log().len();
    assert_eq!(device.number_queues(Numbering::DenseOverNegotiated), Ok(()));
    assert_eq!(soft.log().len(), accesses, "nothing is read");
    assert_eq!(set_up(&mut device, &mut Memory::new()), Err(QueueError::Missing { queue: 2 }));
}

/// The detection reads 8 queues of a balloon, with at most 3 accesses each. With more queues, it does not know whether the
/// negotiation has changed which queues exist, and fails.
#[test]
fn the_detection_is_bounded() {
    let queues: Vec<u16> = (0..16).collect();
    let (soft, mut device) = negotiated(ALL, REPORT, &queues, &queues);
    let negotiation = soft.log().iter().filter(|access| is_of_queue(**access)).count();
    let ambiguous = QueueError::AmbiguousNumbers { queue: REPORTING, numbers: [4, 2] };
    assert_eq!(device.number_queues(Numbering::Automatic), Err(ambiguous));
    let both = soft.log().iter().filter(|access| is_of_queue(**access)).count();
    assert_eq!((negotiation, both), (24, 48));
}

#[test]
fn a_device_that_is_gone_has_no_numbers() {
    let (soft, mut device) = negotiated(REPORT, REPORT, &[0, 1, 4], &[0, 1, 4]);
    soft.model().status_override = Some(Box::new(|_| u32::MAX));
    assert_eq!(device.number_queues(Numbering::Automatic), Err(QueueError::Gone));
}

/// The statistics queue has the same number on every device, and nothing is read for it.
#[test]
fn nothing_is_detected_if_the_numbers_cannot_differ() {
    aerostat_spec::feature_set! { struct Statistics for balloon { StatsVq: Required } }
    let soft = SoftMmio::new(5);
    soft.model().offered = 1 << 32 | STATS | HINT | REPORT;
    set_queues(&soft, &[0, 1, 2, 3, 4]);
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let mut device: Device<_, balloon::Device, _> = device.negotiate::<Statistics>().unwrap();
    assert_eq!(device.number_queues(Numbering::Automatic), Ok(()));
    assert!(!soft.log().into_iter().any(is_of_queue));
    let stats = queue::Stats::given(device.accepted().proof(StatsVq));
    assert_eq!(device.queue::<_, 1>(stats, 1, &mut Memory::new()).unwrap().index(), 2);
}

fn is_of_queue(access: RegisterAccess) -> bool {
    let (RegisterAccess::Read(offset, _) | RegisterAccess::Write(offset, ..)) = access;
    [reg::QUEUE_SEL, reg::QUEUE_READY, reg::QUEUE_SIZE_MAX].contains(&offset)
}

/// The proof of another device does not set up a queue whose feature this device has not negotiated.
#[test]
fn a_queue_whose_feature_was_not_negotiated_is_rejected() {
    let (_soft, other) = negotiated(REPORT, REPORT, &[0, 1, 4], &[0, 1, 4]);
    let (soft, mut device) = negotiated(0, 0, &[0, 1, 2, 3, 4], &[0, 1, 2, 3, 4]);
    let reporting = queue::Reporting::given(proof(&other, PageReporting).unwrap());
    let mut memory = Memory::new();
    let rejected = device.queue::<_, 1>(reporting, 1, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::NotNegotiated { queue: REPORTING }));
    let rejected = device.buffer_queue::<_, 1>(reporting, 1, 8, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::NotNegotiated { queue: REPORTING }));
    assert_eq!((memory.allocated(), soft.written(reg::QUEUE_READY)), (0, vec![]));
}
