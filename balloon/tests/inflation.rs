//! Inflation by several arrays, on a device that answers when the test lets it.

mod common;

use std::task::Poll;

use aerostat_balloon::{Frames, Options, Pages, Size4KiB, Step};
use aerostat_device::{BalloonDevice, Event, TestPlatform};
use common::{TellHost, assert_all_returned, assert_clean, live, probe};

/// The host gets no more frames than it wants at the time of each step.
#[test]
fn an_inflation_follows_a_target_that_falls() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(10_000);
    let mut inflation = balloon.inflate(10_000).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    let first = ledger.allocated_frames().len();
    assert!((256..5000).contains(&first), "{first} frames in flight");
    let target = first as u32 + 300;
    device.set_target(target);
    let done = (0..100).find_map(|_| {
        while device.step() {}
        match inflation.poll().unwrap() {
            Poll::Ready(frames) => Some(frames),
            Poll::Pending => None,
        }
    });
    assert_eq!((done, ledger.allocated_frames().len(), device.actual()), (Some(target), target as usize, target));
    assert_clean(&device, &ledger);
}

/// A target below the size ends the inflation. What the device has already enters the balloon.
#[test]
fn an_inflation_ends_when_the_target_is_reached() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(10_000);
    let mut inflation = balloon.inflate(10_000).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    let first = ledger.allocated_frames().len() as u32;
    device.set_target(7);
    while device.step() {}
    assert_eq!(inflation.poll(), Ok(Poll::Ready(first)));
    assert_eq!(balloon.size(), Pages(first));
    assert_clean(&device, &ledger);
}

/// The kernel sets how many arrays the device may have at a time, in each direction.
#[test]
fn no_more_arrays_than_allowed_are_in_flight() {
    for max in [1, 2, 5, 16] {
        let device = BalloonDevice::builder().manual().start().unwrap();
        let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
        let ledger = platform.ledger();
        let mut balloon = probe(&device, platform, Options::new(TellHost).max_in_flight(max));
        for target in [6000, 0] {
            device.set_target(target);
            let mut most = 0;
            while balloon.service().unwrap() == Step::Waiting {
                most = most.max(balloon.in_flight());
                assert!(device.step(), "the device has arrays");
            }
            assert_eq!((most, device.actual()), (usize::from(max), target), "toward {target}");
        }
        let arrays = device.events().iter().filter(|event| matches!(event, Event::Inflated { .. })).count();
        assert_eq!(arrays, 6000_usize.div_ceil(256));
        // Frames of the kernel's choice.
        device.set_target(6000);
        let run = balloon.platform().share().allocate(6000).unwrap();
        let rejected = balloon.inflate_with(run).unwrap_err();
        let unsent = rejected.run.unwrap();
        assert_eq!((unsent.count(), balloon.in_flight()), (6000 - 256 * u32::from(max), usize::from(max)));
        balloon.platform().share().deallocate(unsent);
        drop(balloon);
        assert_all_returned(&device, &ledger);
    }
}
