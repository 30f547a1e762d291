//! Migration of ballooned frames, and migrations that are dropped in progress.

mod common;

use aerostat_balloon::{BalloonError, Frames, Pages, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Event};
use common::{assert_all_returned, assert_clean, live, spin};

/// Exactly one array names the old frame.
// conformance: balloon.op.16
#[test]
fn a_dropped_migration_deflates_the_old_frame_once() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(10);
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    let old = *ledger.allocated_frames().first().unwrap();
    let new = balloon.platform().share().allocate(1).unwrap();
    let mut migration = balloon.migrate(old, new).unwrap();
    while device.step() {}
    assert!(migration.poll().unwrap().is_pending(), "the old frame is in the deflate queue");
    drop(migration);
    assert_eq!(balloon.deflate(10).unwrap().frames(), 0, "one frame of 11 is about to leave, and 10 is the target");
    device.set_target(5);
    device.clear_events();
    while balloon.service().unwrap() == Step::Waiting {
        device.step();
    }
    let deflated: Vec<u32> = device
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Deflated { pfns } = event { Some(pfns) } else { None })
        .flatten()
        .collect();
    assert_eq!(deflated.iter().filter(|page| u64::from(**page) == old).count(), 1, "{deflated:?}");
    assert_eq!((balloon.size(), device.host_page_count(), ledger.allocated_frames().len()), (Pages(5), 5, 5));
    assert_clean(&device, &ledger);
    let _ = balloon.remove(&mut device.work_at_most(100)).unwrap();
    assert_all_returned(&device, &ledger);
}

// conformance: balloon.op.8, balloon.op.16
#[test]
fn the_balloon_keeps_its_size_while_every_frame_is_migrated() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().inline());
    device.set_target(700);
    while balloon.service().unwrap() == Step::Waiting {}
    let before = ledger.allocated_frames();
    for &old in &before {
        let new = balloon.platform().share().allocate(1).unwrap();
        assert_eq!(balloon.migrate(old, new).unwrap().wait(&mut spin()), Ok(()));
        assert_eq!((device.actual(), device.host_page_count(), ledger.allocated_frames().len()), (700, 700, 700));
        assert!(!ledger.allocated_frames().contains(&old));
    }
    assert_eq!((balloon.migrated(), balloon.size()), (before.len() as u64, Pages(700)));
    let pages: Vec<u64> = device.host_pages().into_iter().map(u64::from).collect();
    assert_eq!(pages, ledger.allocated_frames().into_iter().collect::<Vec<_>>());
    assert_eq!(balloon.service(), Ok(Step::OnTarget));
    assert_clean(&device, &ledger);
    let frozen = balloon.freeze(&mut spin()).map_err(|failed| failed.error).unwrap();
    let balloon = frozen.restore(&mut spin()).map_err(|failed| failed.error).unwrap();
    assert_eq!(balloon.migrated(), before.len() as u64, "a restore does not start again");
    let _ = balloon.remove(&mut spin()).unwrap();
    assert_all_returned(&device, &ledger);
}

/// After a migration is dropped, the balloon reaches its target again.
#[test]
fn a_migration_may_be_dropped_at_any_time() {
    for polls in 0..6 {
        let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
        device.set_target(300);
        while balloon.service().unwrap() == Step::Waiting {
            device.step();
        }
        let old = *ledger.allocated_frames().iter().nth(7).unwrap();
        let new = balloon.platform().share().allocate(1).unwrap();
        let mut migration = balloon.migrate(old, new).unwrap();
        for _ in 0..polls {
            device.step();
            if migration.poll().unwrap().is_ready() {
                break;
            }
        }
        drop(migration);
        let rejected = match balloon.platform().share().allocate(1) {
            Some(new) => balloon.migrate(old, new).map(drop).err(),
            None => None,
        };
        if let Some(rejected) = rejected {
            assert!(matches!(rejected.error, BalloonError::Busy | BalloonError::NotInBalloon { .. }));
            balloon.platform().share().deallocate(rejected.run.unwrap());
        }
        while balloon.service().unwrap() == Step::Waiting {
            device.step();
        }
        assert_eq!((balloon.size(), device.host_page_count(), ledger.allocated_frames().len()), (Pages(300), 300, 300));
        assert_clean(&device, &ledger);
    }
}
