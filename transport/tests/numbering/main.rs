//! The detection of queue numbers. It finds the device's own numbers, or it fails.
//!
//! * [`rule`]: everything that a driver can read, against the documentation of `Numbering`.
//! * [`models`]: devices by how they number their queues, in the whole table of offered and negotiated features.
//! * [`devices`]: the devices of hypervisors.
//! * [`detection`]: what is read, and when.
//! * [`computed`]: queues whose index is known only at run time.

mod computed;
mod detection;
mod devices;
mod models;
mod rule;

use std::collections::BTreeSet;

use aerostat_spec::balloon::feature::{FreePageHint, PageReporting, StatsVq};
use aerostat_spec::balloon::{self, queue};
use aerostat_spec::{HasFeature, Negotiated};
use aerostat_test_support::{Memory, MmioQueue, SoftMmio};
use aerostat_transport::{Device, FeaturesOk, Io, Mmio, Numbering, QueueError};

const STATS: u64 = 1 << 1;
const HINT: u64 = 1 << 3;
const REPORT: u64 = 1 << 5;
const ALL: u64 = STATS | HINT | REPORT;
const SETS: [u64; 8] = [0, STATS, HINT, STATS | HINT, REPORT, STATS | REPORT, HINT | REPORT, ALL];

/// The queues in the order of their numbers in the specification, with the feature that each depends on.
const QUEUES: [(&str, u64); 5] =
    [("inflate", 0), ("deflate", 0), ("stats", STATS), ("free_page", HINT), ("reporting", REPORT)];

aerostat_spec::feature_set! {
    struct Optional for balloon { StatsVq: Optional, FreePageHint: Optional, PageReporting: Optional }
}

type Negotiating<I = SoftMmio> = Device<Mmio<I>, balloon::Device, FeaturesOk<Optional>>;

/// Queues with their numbers.
type Numbers = Vec<(&'static str, u16)>;

/// Returns the number of each queue that exists with these features.
fn numbers(is_dense: bool, features: u64) -> Numbers {
    let existing = (0..).zip(QUEUES).filter(|(_, (_, feature))| feature & !features == 0);
    match is_dense {
        true => (0..).zip(existing).map(|(number, (_, (name, _)))| (name, number)).collect(),
        false => existing.map(|(number, (name, _))| (name, number)).collect(),
    }
}

/// Keeps the queues of these features.
fn of_features(mut numbers: Numbers, features: u64) -> Numbers {
    let names: BTreeSet<_> =
        QUEUES.iter().filter(|(_, feature)| feature & !features == 0).map(|(name, _)| *name).collect();
    numbers.retain(|(name, _)| names.contains(name));
    numbers
}

/// Returns all pairs of offered and negotiated features.
fn negotiations() -> impl Iterator<Item = (u64, u64)> {
    let subsets = |offered: u64| SETS.into_iter().filter(move |chosen| chosen & !offered == 0);
    SETS.into_iter().flat_map(move |offered| subsets(offered).map(move |chosen| (offered, chosen)))
}

/// A pair of offered and negotiated features in a short form, for instance `SR:R`.
fn name(offered: u64, negotiated: u64) -> String {
    let letters = |features: u64| -> String {
        let letters = [(STATS, 'S'), (HINT, 'H'), (REPORT, 'R')].into_iter();
        letters.filter(|(bit, _)| features & bit != 0).map(|(_, letter)| letter).collect()
    };
    format!("{}:{}", letters(offered), letters(negotiated))
}

fn set_queues(soft: &SoftMmio, existing: &[u16]) {
    let queue = |number: u16| MmioQueue { max: if existing.contains(&number) { 4 } else { 0 }, ..MmioQueue::default() };
    soft.model().queues = (0..16).map(queue).collect();
}

/// Negotiates these features with a device that has these queues before and after the negotiation.
fn negotiated(offered: u64, negotiated: u64, before: &[u16], after: &[u16]) -> (SoftMmio, Negotiating) {
    let soft = SoftMmio::new(5);
    soft.model().offered = 1 << 32 | offered;
    set_queues(&soft, before);
    let device = negotiate(soft.clone(), negotiated);
    set_queues(&soft, after);
    (soft, device)
}

/// Negotiates these features of those that the device offers.
fn negotiate<I: Io>(registers: I, negotiated: u64) -> Negotiating<I> {
    let transport = Mmio::new(registers).map_err(|(_, error)| error).unwrap();
    let device = Device::take(transport).map_err(|failed| failed.error).unwrap();
    let device = device.poll().map_err(|(_, error)| error).unwrap().acknowledge().driver();
    device.negotiate_within::<Optional>(|_| negotiated).map_err(|failed| failed.error).unwrap()
}

fn proof<F: aerostat_spec::Feature>(device: &Negotiating<impl Io>, feature: F) -> Option<Negotiated<F>>
where
    Optional: HasFeature<F>,
    aerostat_spec::RequirementOf<Optional, F>: aerostat_spec::Requirement,
{
    use aerostat_spec::Requirement;
    aerostat_spec::RequirementOf::<Optional, F>::into_option(device.accepted().depending_on(feature, |proof| proof))
}

/// Sets up every negotiated queue, and returns the numbers.
fn set_up(device: &mut Negotiating<impl Io>, memory: &mut Memory) -> Result<Numbers, QueueError> {
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

/// Detects the numbers, and sets up every negotiated queue.
fn detect(device: &mut Negotiating<impl Io>, memory: &mut Memory) -> Result<Numbers, QueueError> {
    device.number_queues(Numbering::Automatic)?;
    set_up(device, memory)
}

/// Checks that the error tells the author what to call.
fn assert_advises(error: QueueError, case: &str) {
    let is_undecided = matches!(error, QueueError::AmbiguousNumbers { .. } | QueueError::UnknownNumbers { .. });
    assert!(is_undecided && error.to_string().contains("`Options::numbering`"), "{case}: {error}");
}
