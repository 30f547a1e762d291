//! The devices of hypervisors, and those of the in-process model.

use std::collections::BTreeSet;

use aerostat_device::{BalloonDevice, Builder, Hypervisor, Numbering as Scheme, QueueKind, Quirk, features};
use aerostat_spec::{Device as _, QueueSpec, balloon};
use aerostat_test_support::Memory;
use aerostat_transport::{Numbering, QueueError};

use super::models::{Further, Policy};
use super::{ALL, HINT, REPORT, STATS, assert_advises, detect, name, negotiate, negotiated, negotiations, set_up};

const REPORTING: &QueueSpec = &balloon::Device::QUEUES[4];
const HINTING: &QueueSpec = &balloon::Device::QUEUES[3];

/// The devices in the documentation of `Numbering`. The last column has the number of the last queue, or the numbers that it may
/// have.
#[test]
fn the_known_devices_are_detected() {
    let (sr, sh, hr) = (STATS | REPORT, STATS | HINT, HINT | REPORT);
    for (device, policy, offered, chosen, count, number) in [
        // Its statistics queue is always offered.
        ("QEMU", Policy::DenseOverOffered, sr, REPORT, 0, Ok(3)),
        ("QEMU", Policy::DenseOverOffered, sh, HINT, 0, Ok(3)),
        ("QEMU", Policy::DenseOverOffered, ALL, ALL, 0, Ok(4)),
        ("QEMU", Policy::DenseOverOffered, ALL, REPORT, 0, Err([4, 2])),
        ("Cloud Hypervisor, Dragonball, StratoVirt", Policy::DenseOverOffered, REPORT, REPORT, 0, Ok(2)),
        ("StratoVirt with its message queue", Policy::DenseOverOffered, REPORT, REPORT, 1, Ok(2)),
        ("Firecracker", Policy::DenseOverOffered, hr, REPORT, 0, Ok(3)),
        ("Firecracker", Policy::DenseOverOffered, ALL, REPORT, 0, Err([4, 2])),
        ("crosvm", Policy::DenseOverOffered, sr, REPORT, 0, Ok(3)),
        ("crosvm", Policy::DenseOverOffered, sr, sr, 0, Ok(3)),
        ("libkrun", Policy::SpecificationAll, ALL, REPORT, 0, Err([4, 2])),
        ("Alioth", Policy::DenseFromAll, ALL, REPORT, 0, Err([4, 2])),
        ("Alioth", Policy::DenseFromAll, ALL, HINT, 0, Err([3, 2])),
        ("Alioth", Policy::DenseFromAll, ALL, ALL, 0, Ok(4)),
        ("Alioth without reporting", Policy::DenseFromAll, sh, HINT, 0, Err([3, 2])),
        ("Alioth without reporting", Policy::DenseFromAll, sh, sh, 0, Ok(3)),
        ("crosvm before April 2025", Policy::SpecificationAll, sr, REPORT, 0, Err([4, 3])),
        ("crosvm with the working-set extension", Policy::DenseOverOffered, sr, REPORT, 2, Err([4, 3])),
    ] {
        let case = format!("{device} {}", name(offered, chosen));
        let [before, after] = policy.existing(offered, chosen, Further { count, vanish: false });
        let (_soft, mut device) = negotiated(offered, chosen, &before, &after);
        match (detect(&mut device, &mut Memory::new()), number) {
            (Ok(found), Ok(number)) => assert_eq!(found.last().map(|(_, number)| *number), Some(number), "{case}"),
            (Err(error), Err(numbers)) => {
                let queue = if chosen & REPORT == 0 { HINTING } else { REPORTING };
                assert_eq!(error, QueueError::AmbiguousNumbers { queue, numbers }, "{case}");
                assert_advises(error, &case);
            }
            (found, _) => panic!("{case}: {found:?}"),
        }
    }
}

/// Detects the numbers of a device in this process, which are its own, or else those that the author sets. Returns whether they were
/// detected.
fn is_detected(builder: Builder, chosen: u64, scheme: Scheme, case: &str) -> bool {
    let device = builder.memory(1 << 20).inline().start().unwrap();
    let mut driver = negotiate(device.registers(), chosen);
    let mut memory = Memory::new();
    let detected = detect(&mut driver, &mut memory);
    let own =
        [QueueKind::Inflate, QueueKind::Deflate, QueueKind::Statistics, QueueKind::FreePage, QueueKind::Reporting];
    let own = own.into_iter().filter(|kind| kind.feature() & !chosen == 0);
    let own: Vec<_> = own.map(|kind| device.queue_number(kind)).collect();
    let is_detected = detected.is_ok();
    let numbers = detected.or_else(|error| {
        assert_advises(error, case);
        driver.number_queues(match scheme {
            Scheme::Specification => Numbering::Specification,
            Scheme::DenseOverOffered | Scheme::Qemu => Numbering::DenseOverOffered,
            Scheme::DenseOverNegotiated => Numbering::DenseOverNegotiated,
        })?;
        set_up(&mut driver, &mut memory)
    });
    let numbers: Vec<_> = numbers.unwrap().into_iter().map(|(_, number)| Some(number)).collect();
    assert_eq!(numbers, own, "{case}");
    is_detected
}

/// The whole table of the in-process model: numbering schemes, further queues, and whether the device has all queue numbers.
#[test]
fn the_devices_of_the_model_are_detected_or_the_detection_fails() {
    let (mut cells, mut found) = (0, 0);
    for (offered, chosen) in negotiations() {
        for scheme in Scheme::ALL {
            if scheme == Scheme::Qemu && offered & STATS == 0 {
                continue; // QEMU always offers statistics.
            }
            for further in 0..3 {
                for quirk in [None, Some(Quirk::KeepsQueueCount)] {
                    let case = format!("{scheme:?} {} {further} {quirk:?}", name(offered, chosen));
                    let builder = BalloonDevice::builder().features(offered | features::VERSION_1);
                    let builder = builder.numbering(scheme).further_queues(further).quirks(quirk.into_iter().collect());
                    cells += 1;
                    found += usize::from(is_detected(builder, chosen, scheme, &case));
                }
            }
        }
    }
    assert_eq!((cells, found), ((3 * 27 + 18) * 6, 386));
}

/// The devices of [`Hypervisor`], with each set of features that they may offer. The detection fails in exactly the cells that the
/// page "Hypervisors" of the book names.
#[test]
fn the_devices_of_hypervisors_are_detected_except_those_in_the_book() {
    let five: &[&str] = &["SHR:H", "SHR:HR", "SHR:R", "SHR:SR"];
    for hypervisor in Hypervisor::ALL {
        // The features that the device always offers.
        let (always, scheme, expected) = match hypervisor {
            Hypervisor::Qemu => (STATS, Scheme::Qemu, five),
            Hypervisor::Firecracker => (0, Scheme::DenseOverOffered, five),
            Hypervisor::Libkrun => (ALL, Scheme::Specification, five),
            Hypervisor::Alioth => {
                let expected: &[_] = &["SH:H", "SHR:H", "SHR:HR", "SHR:R", "SHR:SR"];
                (STATS | HINT, Scheme::DenseOverNegotiated, expected)
            }
            Hypervisor::CrosvmWorkingSet => (STATS, Scheme::DenseOverOffered, ["SR:R", "SR:SR"].as_slice()),
            Hypervisor::Crosvm | Hypervisor::Kvmtool => (STATS, Scheme::DenseOverOffered, [].as_slice()),
            _ => (0, Scheme::DenseOverOffered, [].as_slice()),
        };
        let mut undecided = BTreeSet::new();
        for (enabled, chosen) in negotiations().filter(|(enabled, _)| enabled & always == always) {
            let builder = || BalloonDevice::builder().memory(1 << 20).like(hypervisor).without_features(ALL & !enabled);
            let offered = negotiate(builder().inline().start().unwrap().registers(), 0).accepted().offered() & ALL;
            let case = format!("{hypervisor:?} {}", name(offered, chosen));
            if chosen & !offered == 0 && !is_detected(builder(), chosen, scheme, &case) {
                undecided.insert(name(offered, chosen));
            }
        }
        let expected: BTreeSet<String> = expected.iter().map(|cell| cell.to_string()).collect();
        assert_eq!(undecided, expected, "{hypervisor:?}");
    }
}
