//! The detection of queue numbers, on the whole table of devices: offered features, negotiated features, how the device numbers
//! its queues, and queues behind those of the description. The numbers are those of the device, or the detection fails.

use std::collections::BTreeSet;

use aerostat_spec::balloon::feature::{FreePageHint, PageReporting, StatsVq};
use aerostat_spec::balloon::{self, queue};
use aerostat_spec::{Device as _, HasFeature, Negotiated, QueueSpec};
use aerostat_test_support::{Memory, MmioQueue, RegisterAccess, SoftMmio, reg};
use aerostat_transport::{Device, FeaturesOk, Mmio, Numbering, QueueError};

const STATS: u64 = 1 << 1;
const HINT: u64 = 1 << 3;
const REPORT: u64 = 1 << 5;
const REPORTING: &QueueSpec = &balloon::Device::QUEUES[4];
const SETS: [u64; 8] = [0, STATS, HINT, STATS | HINT, REPORT, STATS | REPORT, HINT | REPORT, STATS | HINT | REPORT];

aerostat_spec::feature_set! {
    struct All for balloon { StatsVq: Optional, FreePageHint: Optional, PageReporting: Optional }
}

type Negotiating = Device<Mmio<SoftMmio>, balloon::Device, FeaturesOk<All>>;

/// How a device numbers its queues, and which of them exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    /// The numbers of the specification. A queue exists if its feature is offered.
    Specification,
    /// The numbers of the specification. Every queue exists.
    SpecificationAll,
    /// The numbers of the specification. A queue exists if its feature is negotiated.
    SpecificationNegotiated,
    /// Without gaps over the offered features.
    DenseOverOffered,
    /// Without gaps over the negotiated features. Before the negotiation, the queues of all offered features exist.
    DenseFromOffered,
    /// Without gaps over the negotiated features. Before the negotiation, only the queues of every balloon exist.
    DenseFromNone,
    /// Without gaps over the negotiated features. All queues of the specification exist at any time, as on Alioth.
    DenseFromAll,
}

const POLICIES: [Policy; 7] = [
    Policy::Specification,
    Policy::SpecificationAll,
    Policy::SpecificationNegotiated,
    Policy::DenseOverOffered,
    Policy::DenseFromOffered,
    Policy::DenseFromNone,
    Policy::DenseFromAll,
];

impl Policy {
    /// Returns the features whose queues exist, before and after the negotiation.
    fn features(self, offered: u64, negotiated: u64) -> [u64; 2] {
        match self {
            Self::Specification | Self::DenseOverOffered => [offered; 2],
            Self::SpecificationAll => [u64::MAX; 2],
            Self::SpecificationNegotiated | Self::DenseFromOffered => [offered, negotiated],
            Self::DenseFromNone => [0, negotiated],
            Self::DenseFromAll => [u64::MAX; 2],
        }
    }

    /// Returns the features whose queues the device numbers.
    fn numbered(self, offered: u64, negotiated: u64) -> u64 {
        if self == Self::DenseFromAll { negotiated } else { self.features(offered, negotiated)[1] }
    }

    fn is_dense(self) -> bool {
        !matches!(self, Self::Specification | Self::SpecificationAll | Self::SpecificationNegotiated)
    }

    /// Returns the number of each queue that exists with these features.
    fn numbers(self, features: u64) -> Vec<(u16, &'static QueueSpec)> {
        let existing = balloon::Device::QUEUES.iter().filter(|queue| queue.needs & !features == 0);
        match self.is_dense() {
            true => (0..).zip(existing).collect(),
            false => existing.map(|queue| (queue.index, queue)).collect(),
        }
    }

    /// Returns which of 16 queues exist, with `further` queues behind those of the description.
    fn existing(self, features: u64, further: u16) -> Vec<u16> {
        let mut numbers: Vec<u16> = self.numbers(features).into_iter().map(|(number, _)| number).collect();
        let end = if self.is_dense() { numbers.len() as u16 } else { 5 };
        numbers.extend(end..end + further);
        numbers
    }
}

fn set_queues(soft: &SoftMmio, existing: &[u16]) {
    let queue = |number: u16| MmioQueue { max: if existing.contains(&number) { 4 } else { 0 }, ..MmioQueue::default() };
    soft.model().queues = (0..16).map(queue).collect();
}

/// Negotiates these features with a device.
fn negotiated(policy: Policy, offered: u64, negotiated: u64, further: u16) -> (SoftMmio, Negotiating) {
    let soft = SoftMmio::new(5);
    soft.model().offered = 1 << 32 | offered;
    let [before, after] = policy.features(offered, negotiated);
    set_queues(&soft, &policy.existing(before, further));
    let transport = Mmio::new(soft.clone()).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).unwrap().poll().unwrap().acknowledge().driver();
    let device = device.negotiate_within::<All>(|_| negotiated).map_err(|failed| failed.error).unwrap();
    set_queues(&soft, &policy.existing(after, further));
    (soft, device)
}

fn proof<F: aerostat_spec::Feature>(device: &Negotiating, feature: F) -> Option<Negotiated<F>>
where
    All: HasFeature<F>,
    aerostat_spec::RequirementOf<All, F>: aerostat_spec::Requirement,
{
    use aerostat_spec::Requirement;
    aerostat_spec::RequirementOf::<All, F>::into_option(device.accepted().depending_on(feature, |proof| proof))
}

/// Sets up every negotiated queue, and returns the names and numbers.
fn set_up(device: &mut Negotiating, memory: &mut Memory) -> Result<Vec<(&'static str, u16)>, QueueError> {
    let mut found = vec![
        ("inflate", device.queue::<_, 1>(queue::Inflate, 1, memory)?.index()),
        ("deflate", device.queue::<_, 1>(queue::Deflate, 1, memory)?.index()),
    ];
    if let Some(proof) = proof(device, StatsVq) {
        found.push(("stats", device.queue::<_, 1>(queue::Stats::given(proof), 1, memory)?.index()));
    }
    if let Some(proof) = proof(device, FreePageHint) {
        found.push(("free_page", device.queue::<_, 1>(queue::FreePage::given(proof), 1, memory)?.index()));
    }
    if let Some(proof) = proof(device, PageReporting) {
        found.push(("reporting", device.queue::<_, 1>(queue::Reporting::given(proof), 1, memory)?.index()));
    }
    Ok(found)
}

/// A cell of the table in a short form, for instance `SR:R+1`: offered, negotiated, further queues.
fn name(offered: u64, negotiated: u64, further: u16) -> String {
    let letters = |features: u64| -> String {
        [(STATS, 'S'), (HINT, 'H'), (REPORT, 'R')]
            .iter()
            .filter(|(bit, _)| features & bit != 0)
            .map(|(_, c)| *c)
            .collect()
    };
    format!("{}:{}+{further}", letters(offered), letters(negotiated))
}

/// The whole table. The device's own numbers, or an error; and the errors are exactly these.
#[test]
fn the_numbers_are_those_of_the_device_or_the_detection_fails() {
    let mut memory = Memory::new();
    let (mut cells, mut count) = (0, 0);
    for policy in POLICIES {
        let mut ambiguous = BTreeSet::new();
        for offered in SETS {
            for chosen in SETS.into_iter().filter(|chosen| chosen & !offered == 0) {
                for further in 0..=2 {
                    cells += 1;
                    let cell = format!("{policy:?} {}", name(offered, chosen, further));
                    let (_soft, mut device) = negotiated(policy, offered, chosen, further);
                    match device.number_queues(Numbering::Automatic) {
                        Ok(()) => {
                            let features = policy.numbered(offered, chosen);
                            let own = policy.numbers(features).into_iter();
                            let own = own.filter(|(_, queue)| queue.needs & !chosen == 0);
                            let own: Vec<_> = own.map(|(number, queue)| (queue.name, number)).collect();
                            assert_eq!(set_up(&mut device, &mut memory), Ok(own), "{cell}");
                        }
                        Err(QueueError::AmbiguousNumbers { numbers: [one, other], .. }) if one != other => {
                            ambiguous.insert(name(offered, chosen, further));
                        }
                        Err(error) => panic!("{cell}: {error}"),
                    }
                }
            }
        }
        let expected: &[&str] = match policy {
            // No device of these numbers its queues like another one.
            Policy::SpecificationNegotiated => &[],
            // Like devices that number over the negotiated features and have all queues.
            Policy::Specification => &[
                "SHR:H+0", "SHR:H+1", "SHR:H+2", "SHR:HR+0", "SHR:HR+1", "SHR:HR+2", "SHR:R+0", "SHR:R+1", "SHR:R+2",
                "SHR:SR+0", "SHR:SR+1", "SHR:SR+2",
            ],
            // Every queue of the specification exists. The device may number over the offered features and have further queues, or
            // over the negotiated ones. crosvm before April 2025 is `SR:R+0`, libkrun and Alioth are `SHR` without further queues.
            Policy::SpecificationAll | Policy::DenseFromAll => &[
                "H:H+0", "H:H+1", "H:H+2", "HR:H+0", "HR:H+1", "HR:H+2", "HR:HR+0", "HR:HR+1", "HR:HR+2", "HR:R+0",
                "HR:R+1", "HR:R+2", "R:R+0", "R:R+1", "R:R+2", "SH:H+0", "SH:H+1", "SH:H+2", "SHR:H+0", "SHR:H+1",
                "SHR:H+2", "SHR:HR+0", "SHR:HR+1", "SHR:HR+2", "SHR:R+0", "SHR:R+1", "SHR:R+2", "SHR:SR+0", "SHR:SR+1",
                "SHR:SR+2", "SR:R+0", "SR:R+1", "SR:R+2", "SR:SR+0", "SR:SR+1", "SR:SR+2",
            ],
            // crosvm with the working-set extension is `SR:R+2`, QEMU and Firecracker with all queues are `SHR` without further ones.
            Policy::DenseOverOffered => &[
                "H:H+1", "H:H+2", "HR:H+1", "HR:H+2", "HR:HR+1", "HR:HR+2", "HR:R+1", "HR:R+2", "R:R+2", "SH:H+1",
                "SH:H+2", "SHR:H+0", "SHR:H+1", "SHR:H+2", "SHR:HR+0", "SHR:HR+1", "SHR:HR+2", "SHR:R+0", "SHR:R+1",
                "SHR:R+2", "SHR:SR+0", "SHR:SR+1", "SHR:SR+2", "SR:R+1", "SR:R+2", "SR:SR+1", "SR:SR+2",
            ],
            // Like devices with the numbers of the specification. No device of this kind is known.
            Policy::DenseFromOffered | Policy::DenseFromNone => &[
                "H:H+1", "H:H+2", "HR:H+1", "HR:H+2", "HR:HR+1", "HR:HR+2", "HR:R+2", "R:R+2", "SH:H+1", "SH:H+2",
                "SHR:H+1", "SHR:H+2", "SHR:HR+1", "SHR:HR+2", "SHR:R+2", "SHR:SR+1", "SHR:SR+2", "SR:R+2", "SR:SR+1",
                "SR:SR+2",
            ],
        };
        let expected: BTreeSet<String> = expected.iter().map(|cell| cell.to_string()).collect();
        assert_eq!(ambiguous, expected, "{policy:?}");
        count += ambiguous.len();
    }
    assert_eq!((cells, count), (7 * 27 * 3, 12 + 36 + 27 + 20 + 20 + 36));
}

/// The devices in the documentation of `Numbering`.
#[test]
fn the_known_devices_are_detected() {
    for (device, policy, offered, chosen, further, reporting) in [
        // Its statistics queue is always offered.
        ("QEMU", Policy::DenseOverOffered, STATS | REPORT, REPORT, 0, Ok(3)),
        ("QEMU", Policy::DenseOverOffered, STATS | HINT | REPORT, STATS | HINT | REPORT, 0, Ok(4)),
        ("QEMU", Policy::DenseOverOffered, STATS | HINT | REPORT, REPORT, 0, Err([4, 2])),
        ("Cloud Hypervisor, Dragonball", Policy::DenseOverOffered, REPORT, REPORT, 0, Ok(2)),
        ("Firecracker", Policy::DenseOverOffered, HINT | REPORT, REPORT, 0, Ok(3)),
        ("Firecracker", Policy::DenseOverOffered, STATS | HINT | REPORT, REPORT, 0, Err([4, 2])),
        ("crosvm", Policy::DenseOverOffered, STATS | REPORT, STATS | REPORT, 0, Ok(3)),
        ("libkrun", Policy::SpecificationAll, STATS | HINT | REPORT, REPORT, 0, Err([4, 2])),
        ("Alioth", Policy::DenseFromAll, STATS | HINT | REPORT, REPORT, 0, Err([4, 2])),
        ("Alioth", Policy::DenseFromAll, STATS | HINT | REPORT, STATS | HINT | REPORT, 0, Ok(4)),
        ("crosvm before April 2025", Policy::SpecificationAll, STATS | REPORT, REPORT, 0, Err([4, 3])),
        ("crosvm with the working-set extension", Policy::DenseOverOffered, STATS | REPORT, REPORT, 2, Err([4, 3])),
    ] {
        let (_soft, mut device_) = negotiated(policy, offered, chosen, further);
        match (device_.number_queues(Numbering::Automatic), reporting) {
            (Ok(()), Ok(number)) => {
                let found = set_up(&mut device_, &mut Memory::new()).unwrap();
                assert_eq!(found.last(), Some(&("reporting", number)), "{device}");
            }
            (Err(error), Err(numbers)) => {
                assert_eq!(error, QueueError::AmbiguousNumbers { queue: REPORTING, numbers }, "{device}");
                assert!(error.to_string().contains("`Options::numbering`"), "{error}");
            }
            (found, _) => panic!("{device}: {found:?}"),
        }
    }
}

/// A device that offers the feature and lacks the queue under every number. The numbers can still be set.
#[test]
fn a_missing_queue_has_no_number() {
    let (soft, mut device) = negotiated(Policy::Specification, REPORT, REPORT, 0);
    set_queues(&soft, &[0, 1]);
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
    let (soft, mut device) = negotiated(Policy::SpecificationAll, STATS | HINT | REPORT, REPORT, 11);
    let negotiation = soft.log().iter().filter(|access| is_of_queue(**access)).count();
    let ambiguous = QueueError::AmbiguousNumbers { queue: REPORTING, numbers: [4, 2] };
    assert_eq!(device.number_queues(Numbering::Automatic), Err(ambiguous));
    let both = soft.log().iter().filter(|access| is_of_queue(**access)).count();
    assert_eq!((negotiation, both), (24, 48));
}

#[test]
fn a_device_that_is_gone_has_no_numbers() {
    let (soft, mut device) = negotiated(Policy::Specification, REPORT, REPORT, 0);
    soft.model().status_lie = Some(Box::new(|_| u32::MAX));
    assert_eq!(device.number_queues(Numbering::Automatic), Err(QueueError::Gone));
}

/// The statistics queue has the same number on every device, and nothing is read for it.
#[test]
fn nothing_is_detected_if_the_numbers_cannot_differ() {
    aerostat_spec::feature_set! { struct Statistics for balloon { StatsVq: Required } }
    let soft = SoftMmio::new(5);
    soft.model().offered = 1 << 32 | STATS | HINT | REPORT;
    set_queues(&soft, &Policy::DenseFromNone.existing(STATS, 2));
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
    let (_soft, other) = negotiated(Policy::Specification, REPORT, REPORT, 0);
    let (soft, mut device) = negotiated(Policy::SpecificationAll, 0, 0, 0);
    let reporting = queue::Reporting::given(proof(&other, PageReporting).unwrap());
    let mut memory = Memory::new();
    let rejected = device.queue::<_, 1>(reporting, 1, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::NotNegotiated { queue: REPORTING }));
    let rejected = device.buffer_queue::<_, 1>(reporting, 1, 8, &mut memory).map(drop);
    assert_eq!(rejected, Err(QueueError::NotNegotiated { queue: REPORTING }));
    assert_eq!((memory.allocated(), soft.written(reg::QUEUE_READY)), (0, vec![]));
}
