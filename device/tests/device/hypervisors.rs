//! Devices like those of hypervisors.

use aerostat_device::{BalloonDevice, Hypervisor, QueueKind, features};
use aerostat_transport::Io;

use super::raw_driver::{DRIVER_OK, LIVE, NEEDS_RESET, POISON, RawDriver, assert_no_violations, reg, start};

fn like(hypervisor: Hypervisor) -> (BalloonDevice, RawDriver<aerostat_device::Registers>) {
    start(BalloonDevice::builder().memory(8 << 20).like(hypervisor).inline())
}

/// The queues of features, which exist if the feature is offered.
const OPTIONAL: [QueueKind; 3] = [QueueKind::Statistics, QueueKind::FreePage, QueueKind::Reporting];

#[test]
fn devices_number_their_queues() {
    for (hypervisor, expected) in [
        (Hypervisor::Qemu, [Some(2), Some(3), Some(4)]),
        (Hypervisor::Firecracker, [Some(2), Some(3), Some(4)]),
        (Hypervisor::CloudHypervisor, [None, None, Some(2)]),
        (Hypervisor::Crosvm, [Some(2), None, Some(3)]),
        (Hypervisor::CrosvmWorkingSet, [Some(2), None, Some(3)]),
        (Hypervisor::Libkrun, [Some(2), Some(3), Some(4)]),
        (Hypervisor::Alioth, [Some(2), Some(3), Some(4)]),
        (Hypervisor::StratoVirt, [None, None, Some(2)]),
        (Hypervisor::StratoVirtMessages, [None, None, Some(2)]),
        (Hypervisor::Dragonball, [None, None, Some(2)]),
        (Hypervisor::Kvmtool, [Some(2), None, None]),
    ] {
        let (device, _) = like(hypervisor);
        assert_eq!(OPTIONAL.map(|kind| device.queue_number(kind)), expected, "{hypervisor:?}");
    }
    assert_eq!(like(Hypervisor::CrosvmWorkingSet).0.queue_number(QueueKind::Further), Some(4));
    assert_eq!(like(Hypervisor::StratoVirtMessages).0.queue_number(QueueKind::Further), Some(3));
}

/// On Alioth, queues 0 to 4 exist at any time, so that a driver cannot read which number a queue has.
#[test]
fn alioth_numbers_over_negotiated_features_without_a_trace() {
    for (missing, negotiated, kind, number) in [
        (0, features::PAGE_REPORTING, QueueKind::Reporting, 2),
        (0, features::FREE_PAGE_HINT, QueueKind::FreePage, 2),
        (0, features::STATS_VQ | features::PAGE_REPORTING, QueueKind::Reporting, 3),
        (features::PAGE_REPORTING, features::FREE_PAGE_HINT, QueueKind::FreePage, 2),
        (features::PAGE_REPORTING, features::STATS_VQ | features::FREE_PAGE_HINT, QueueKind::FreePage, 3),
        (features::PAGE_REPORTING, features::STATS_VQ, QueueKind::Statistics, 2),
    ] {
        let builder = BalloonDevice::builder().memory(8 << 20).like(Hypervisor::Alioth).without_features(missing);
        let (device, mut driver) = start(builder.inline());
        for negotiated in [0, negotiated] {
            let exist = driver.existing_queues(features::VERSION_1 | negotiated);
            assert_eq!(exist, [true, true, true, true, true, false], "{missing:#x} {negotiated:#x}");
        }
        assert_eq!(device.queue_number(kind), Some(number), "{missing:#x} {negotiated:#x}");
        assert_no_violations(&device);
    }
}

#[test]
fn alioth_does_not_take_the_poison_value() {
    let (device, mut driver) = like(Hypervisor::Alioth);
    driver.accept_features(features::VERSION_1 | features::PAGE_POISON);
    driver.io.write32(reg::POISON_VAL, POISON);
    assert_eq!(driver.io.read32(reg::POISON_VAL), 0);
    assert_no_violations(&device);
}

/// A driver that makes ready the queues of the features that it negotiates works on each device, with each subset of the
/// offered features, unless the device needs all queues.
#[test]
fn devices_work_with_a_driver_that_follows_the_specification() {
    const QUEUES: u64 = features::STATS_VQ | features::FREE_PAGE_HINT | features::PAGE_REPORTING;
    for hypervisor in Hypervisor::ALL {
        for accepted in (0..=features::BALLOON).filter(|subset| subset & !QUEUES == 0) {
            let (device, mut driver) = like(hypervisor);
            driver.identify();
            let offered = driver.offered();
            if accepted & !offered != 0 {
                continue;
            }
            let accepted = accepted | features::VERSION_1;
            assert_eq!(driver.negotiate(accepted), LIVE & !DRIVER_OK, "{hypervisor:?}");
            for kind in [QueueKind::Inflate, QueueKind::Deflate].into_iter().chain(OPTIONAL) {
                if accepted & kind.feature() == kind.feature() {
                    driver.set_up_queue(device.queue_number(kind).unwrap());
                }
            }
            if accepted & features::STATS_VQ != 0 {
                driver.add_statistics(0, &super::raw_driver::PRIMED);
            }
            driver.set_driver_ok();
            assert_no_violations(&device);
            let missing = OPTIONAL.iter().any(|kind| offered & !accepted & kind.feature() != 0);
            let status = driver.io.read32(reg::STATUS);
            let expected = match hypervisor {
                Hypervisor::Firecracker if missing => LIVE | NEEDS_RESET,
                Hypervisor::Dragonball if missing => LIVE | 128,
                _ => LIVE,
            };
            assert_eq!(status, expected, "{hypervisor:?} {accepted:#x}");
            if status != LIVE {
                continue;
            }
            driver.send(0, &[1024]);
            let inflates = hypervisor != Hypervisor::Libkrun;
            assert_eq!(driver.used_index(0) == 1, inflates, "{hypervisor:?}");
            if accepted & features::PAGE_REPORTING != 0 {
                let queue = device.queue_number(QueueKind::Reporting).unwrap();
                driver.memory.fill(1030..1031, 1);
                driver.add_run(queue, 0, 1030..1031);
                driver.notify(queue);
                assert_eq!((driver.used_index(queue), driver.memory.is_resident(1030)), (1, false), "{hypervisor:?}");
            }
            assert_no_violations(&device);
        }
    }
}
