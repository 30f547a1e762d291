//! A device that overwrites the memory that it shares with the driver.

use aerostat_balloon::{Size64KiB, Step};
use aerostat_device::{BalloonDevice, QueueFault, Scribble};

use crate::common::{assert_all_returned, assert_clean, live, settle};
use crate::{Rig, TARGET};

const SCRIBBLES: [Scribble; 4] = [Scribble::Descriptors, Scribble::AvailableRing, Scribble::UsedRing, Scribble::Buffer];

/// The driver does not read what it has written, so that overwriting it does not affect the frames.
#[test]
fn overwriting_shared_memory_does_not_affect_the_driver() {
    for scribble in SCRIBBLES {
        let mut rig = Rig::new(BalloonDevice::builder().inline());
        rig.device.inject(QueueFault::Scribbles(scribble));
        for target in [TARGET, 2000, 700, 0, 1500, 256] {
            rig.device.set_target(target);
            rig.settle();
            assert_eq!(rig.ledger.allocated_frames().len(), target as usize, "{scribble:?}");
            assert_eq!((rig.device.actual(), rig.device.host_page_count()), (target, target as usize), "{scribble:?}");
        }
        assert_clean(&rig.device, &rig.ledger);
        drop(rig.balloon);
        assert_all_returned(&rig.device, &rig.ledger);
    }
}

#[test]
fn overwriting_while_arrays_are_in_flight_returns_the_right_frames() {
    for scribble in SCRIBBLES {
        let mut rig = Rig::new(BalloonDevice::builder().manual());
        rig.device.inject(QueueFault::Scribbles(scribble));
        rig.device.inject(QueueFault::CompletesInReverse);
        for target in [1200, 130] {
            rig.device.set_target(target);
            for _ in 0..1000 {
                if rig.balloon.service().unwrap() == Step::OnTarget {
                    break;
                }
                rig.device.step();
                let kept = rig.ledger.allocated_frames();
                let pages = rig.device.host_pages();
                assert!(pages.iter().all(|page| kept.contains(&u64::from(*page))), "{scribble:?}");
            }
            assert_eq!(rig.device.actual(), target, "{scribble:?}");
        }
        assert_clean(&rig.device, &rig.ledger);
        rig.recover(&format!("{scribble:?}"));
    }
}

#[test]
fn overwriting_does_not_affect_frames_of_a_larger_size() {
    for scribble in SCRIBBLES {
        let (mut balloon, device, ledger) = live::<Size64KiB>(BalloonDevice::builder().inline());
        device.inject(QueueFault::Scribbles(scribble));
        device.set_target(1001);
        let _ = settle(&mut balloon);
        assert_eq!((device.actual(), ledger.allocated_frames().len()), (1008, 63), "{scribble:?}");
        device.set_target(0);
        let _ = settle(&mut balloon);
        assert!(ledger.allocated_frames().is_empty(), "{scribble:?}");
        assert_clean(&device, &ledger);
    }
}
