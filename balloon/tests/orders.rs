//! What waits for what: the host is told of one direction at a time, and of nothing twice.

mod common;

use std::task::Poll;

use aerostat_balloon::{Balloon, BalloonError, MustTellHost, Pages, Ready, Size4KiB, Step, Undeclared};
use aerostat_device::{BalloonDevice, Event, Ledger, Reuse, TestPlatform, Work};
use common::{Bus, assert_clean, bus, impatient, live};

type Free = Balloon<Ready<Bus, TestPlatform<Size4KiB>, Undeclared>>;

/// A balloon of 600 frames whose host need not be told, on a device that works by hand.
fn free() -> (Free, BalloonDevice, Ledger) {
    let device = BalloonDevice::builder().manual().work(Work::Count).start().unwrap();
    let platform = TestPlatform::builder(device.memory()).device(&device).reuse(Reuse::Later).build().unwrap();
    let ledger = platform.ledger();
    let mut balloon = Balloon::new(bus(&device), platform).probe().map_err(|failed| failed.error).unwrap();
    device.set_target(600);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    (balloon, device, ledger)
}

/// Lets the device do all that it can.
fn work(device: &BalloonDevice) {
    device.settle(std::time::Duration::from_secs(10)).unwrap();
}

/// The directions in which the device was told of pages, in order, without repetitions.
fn directions(device: &BalloonDevice) -> Vec<&'static str> {
    let direction = |event: &Event| match event {
        Event::Inflated { .. } => Some("in"),
        Event::Deflated { .. } => Some("out"),
        _ => None,
    };
    let mut directions: Vec<_> = device.events().iter().filter_map(direction).collect();
    directions.dedup();
    directions
}

/// balloon.op.12: no page leaves before the device has acknowledged that it came in.
#[test]
fn a_deflation_waits_for_the_inflation_under_way() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    device.set_target(600);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(0);
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut deflation = balloon.deflate(600).unwrap().tell_host();
        assert_eq!(deflation.poll(), Ok(Poll::Pending));
        drop(deflation);
        assert!(balloon.drain().is_ok());
    }
    assert!(balloon.deflate(1).unwrap().tell_host().wait(&mut impatient).is_err());
    work(&device);
    assert_eq!(directions(&device), ["in"], "nothing was sent on the deflate queue");
    assert_eq!(balloon.deflate(600).unwrap().tell_host().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!((directions(&device), balloon.size()), (vec!["in", "out"], Pages(0)));
    assert_clean(&device, &ledger);
}

/// The frames that are on their way out are found by their order in the book: nothing enters it meanwhile.
#[test]
fn an_inflation_waits_for_the_deflation_under_way() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    ledger.set_runs(aerostat_device::Runs::Scattered { seed: 3 });
    device.set_target(600);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(300);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(900);
    device.clear_events();
    let lent = ledger.lent_frames();
    for _ in 0..3 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
        let mut inflation = balloon.inflate(600).unwrap();
        assert_eq!(inflation.poll(), Ok(Poll::Pending));
        drop(inflation);
        assert_eq!(ledger.lent_frames(), lent, "no frame was asked for");
    }
    work(&device);
    assert_eq!(directions(&device), ["out"]);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!((balloon.size(), device.host_page_count()), (Pages(900), 900));
    assert_clean(&device, &ledger);
}

/// Frames used at once may be given again at once: the device hears of them in the order in which that happened.
#[test]
fn frames_that_were_used_at_once_come_in_again_only_after_the_host_knows() {
    let (mut balloon, device, _ledger) = free();
    device.set_target(0);
    assert_eq!(balloon.deflate(600).unwrap().release_early(), Ok(600));
    device.set_target(600);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    let mut inflation = balloon.inflate(600).unwrap();
    assert_eq!(inflation.poll(), Ok(Poll::Pending));
    drop(inflation);
    assert_eq!(balloon.inflate(600).unwrap().wait(&mut device.work_at_most(10)), Ok(600));
    assert_eq!(directions(&device), ["in", "out", "in"]);
    assert_eq!((balloon.size(), device.host_page_count(), device.violations()), (Pages(600), 600, vec![]));
}

/// balloon.op.12 holds for frames that are used at once too: nothing of what is on its way in comes out.
#[test]
fn nothing_is_used_at_once_while_the_balloon_inflates() {
    let (mut balloon, device, ledger) = free();
    device.set_target(1000);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    device.set_target(0);
    let lent = ledger.lent_frames();
    assert_eq!(balloon.deflate(1000).unwrap().release_early(), Err(BalloonError::Busy));
    assert_eq!(ledger.lent_frames(), lent);
    work(&device);
    assert_eq!(balloon.deflate(1000).unwrap().release_early(), Ok(1000));
    work(&device);
    assert_eq!((balloon.service(), device.actual(), device.violations()), (Ok(Step::OnTarget), 0, vec![]));
}

/// balloon.op.8: the host is told of each page, also of those that were used at once, as far as there are arrays.
#[test]
fn no_more_is_used_at_once_than_the_host_can_be_told_of() {
    let (mut balloon, device, ledger) = free();
    device.set_target(6000);
    while balloon.service() != Ok(Step::OnTarget) {
        device.step();
    }
    device.set_target(0);
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(4096), "sixteen arrays of 256");
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(0));
    assert_eq!(ledger.lent_frames().len(), 6000 - 4096);
    work(&device);
    assert_eq!(balloon.deflate(6000).unwrap().release_early(), Ok(6000 - 4096));
    work(&device);
    assert_eq!((balloon.service(), device.host_page_count(), device.violations()), (Ok(Step::OnTarget), 0, vec![]));
}

/// balloon.op.13, balloon.op.15: `actual` follows each acknowledgement, in both directions, and is not written for nothing.
#[test]
fn the_size_is_told_after_each_acknowledgement_and_only_when_it_changed() {
    let (mut balloon, device, ledger) = live::<Size4KiB>(BalloonDevice::builder().manual());
    let told = |device: &BalloonDevice| {
        let value = |event: &Event| if let Event::ActualWritten(pages) = event { Some(*pages) } else { None };
        device.events().iter().filter_map(value).collect::<Vec<u32>>()
    };
    device.set_target(512);
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::Waiting));
    }
    assert!(told(&device).is_empty(), "nothing was acknowledged");
    work(&device);
    assert!(told(&device).is_empty(), "the driver has not looked");
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::OnTarget));
    }
    assert_eq!(told(&device), [512]);
    device.set_target(100);
    assert_eq!(balloon.service(), Ok(Step::Waiting));
    assert_eq!((told(&device), balloon.size()), (vec![512], Pages(512)));
    work(&device);
    for _ in 0..5 {
        assert_eq!(balloon.service(), Ok(Step::OnTarget));
    }
    assert_eq!(told(&device), [512, 100]);
    assert_clean(&device, &ledger);
}

/// The level `Optional` of a feature that the device does not offer: the balloon works without it.
#[test]
fn a_wanted_feature_that_is_not_offered_is_done_without() {
    let device = BalloonDevice::builder().features(1 << 32).inline().start().unwrap();
    let platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let probed = Balloon::new(bus(&device), platform).want(MustTellHost).probe();
    let mut balloon = probed.map_err(|failed| failed.error).unwrap();
    assert_eq!(device.accepted_features(), 1 << 32);
    device.set_target(100);
    while balloon.service() != Ok(Step::OnTarget) {}
    device.set_target(0);
    assert_eq!(balloon.deflate(100).unwrap().tell_host().wait(&mut device.work_at_most(10)), Ok(100));
    assert_eq!((device.actual(), device.violations()), (0, vec![]));
}
