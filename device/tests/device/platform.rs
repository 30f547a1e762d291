//! The platform for tests: it hands out what it has, and notices what is not right.

use std::alloc::Layout;

use aerostat_balloon::{FrameRun, Frames, Size4KiB, Size16KiB, Size64KiB};
use aerostat_device::{BalloonDevice, FrameEvent, MemoryLayout, OwnershipViolation, Runs, TestPlatform, When};
use aerostat_transport::Dma;

use super::by_hand::{DEFLATE, INFLATE, live_8_mib};

fn platform() -> (BalloonDevice, TestPlatform) {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    (device, platform)
}

#[test]
fn frames_lie_between_low_memory_and_device_memory() {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let memory = device.memory();
    assert_eq!(TestPlatform::<Size4KiB>::builder(memory).build().unwrap().range(), 256..1792);
    assert_eq!(TestPlatform::<Size16KiB>::builder(memory).build().unwrap().range(), 64..448);
    assert_eq!(TestPlatform::<Size64KiB>::builder(memory).dma_bytes(4096).build().unwrap().range(), 16..127);
    assert!(TestPlatform::<Size4KiB>::builder(memory).dma_bytes(7 << 20).build().is_err());
    assert!(TestPlatform::<Size4KiB>::builder(memory).dma_bytes(9 << 20).build().is_err());
}

#[test]
fn frames_go_and_come_back() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let run = platform.allocate(3).unwrap();
    assert_eq!((run.first(), run.count(), ledger.free_frames()), (256, 3, 1533));
    assert_eq!(ledger.lent_frames(), [256, 257, 258].into());
    assert!(!ledger.is_settled());
    platform.deallocate(run);
    assert_eq!(
        ledger.events(),
        [FrameEvent::Given { first: 256, count: 3 }, FrameEvent::TakenBack { first: 256, count: 3 },]
    );
    assert!(ledger.is_settled() && ledger.violations().is_empty());
}

#[test]
fn a_frame_that_was_not_lent_is_noticed() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let run = platform.allocate(1).unwrap();
    // SAFETY: of the two frames one is lent and one is free; nobody else uses either while the run exists.
    let forged = unsafe { FrameRun::from_raw(run.first(), 2) };
    platform.deallocate(forged);
    platform.deallocate(run);
    assert_eq!(ledger.violations(), [OwnershipViolation::NotLent(257), OwnershipViolation::NotLent(256)]);
}

#[test]
fn a_frame_that_comes_back_before_the_device_was_told_is_noticed() {
    let (device, mut driver) = live_8_mib();
    // The rings of the driver by hand are in low frames, from 2 MiB on: frames above.
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.use_frames(1024);
    let (early, good) = (platform.allocate(1).unwrap(), platform.allocate(1).unwrap());
    let pages = [early.first() as u32, good.first() as u32];
    driver.memory.write(0, &[0]).unwrap();
    driver.bring_up();
    driver.tell(INFLATE, &pages);
    driver.tell(DEFLATE, &pages[1..]);
    platform.deallocate(good);
    assert_eq!(ledger.violations(), []);
    platform.deallocate(early);
    assert_eq!(ledger.violations(), [OwnershipViolation::BeforeTold(pages[0].into())]);
    driver.tell(DEFLATE, &pages[..1]);
    assert_eq!(device.violations().len(), 1, "and the device saw that the page was used");
    driver.tell(INFLATE, &pages[..1]);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(pages[0].into()));
    assert_eq!(ledger.violations().last(), Some(&OwnershipViolation::BalloonedUnowned(pages[0].into())));
}

#[test]
fn frames_run_out_when_they_are_told_to() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    ledger.limit_frames(Some(2));
    assert_eq!(platform.allocate(5).map(|run| run.count()), Some(2));
    assert_eq!(platform.allocate(5), None);
    ledger.limit_frames(None);
    assert_eq!(ledger.use_frames(10_000), 1534);
    assert_eq!(platform.allocate(1), None);
    ledger.unuse_frames();
    ledger.set_runs(Runs::AtMost(7));
    assert_eq!(platform.allocate(100).map(|run| run.count()), Some(7));
    assert_eq!(ledger.events().iter().filter(|event| **event == FrameEvent::Absent).count(), 2);
}

#[test]
fn device_memory_is_arbitrary_and_at_its_bus_address() {
    let layout = MemoryLayout { base: 0, bytes: 8 << 20, bus_offset: 0x4000_0000 };
    let device = BalloonDevice::builder().memory_at(layout).inline().start().unwrap();
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let region = platform.alloc(Layout::from_size_align(64, 4096).unwrap()).unwrap();
    assert_eq!(region.device_address().0, 0x4000_0000 + (7 << 20));
    let mut bytes = [0; 64];
    device.memory().read(7 << 20, &mut bytes).unwrap();
    assert_ne!(bytes, [0; 64]);
    assert_eq!(platform.ledger().lent_dma(), 1);
    platform.free(region);
    assert!(platform.ledger().is_settled() && platform.ledger().violations().is_empty());
}

#[test]
fn device_memory_of_another_platform_is_noticed() {
    let ((_one, mut here), (_two, mut there)) = (platform(), platform());
    let region = there.alloc(Layout::new::<u64>()).unwrap();
    here.free(region);
    assert!(matches!(here.ledger().violations()[..], [OwnershipViolation::ForeignDma { length: 8, .. }]));
}

#[test]
fn allocations_fail_when_they_are_told_to() {
    let (_device, mut platform) = platform();
    let layout = Layout::new::<u64>();
    platform.ledger().fail_dma(Some(When::From(1)));
    let region = platform.alloc(layout).unwrap();
    assert!(platform.alloc(layout).is_none() && platform.alloc(layout).is_none());
    platform.ledger().fail_dma(None);
    platform.free(region);
    platform.ledger().fail_private();
    assert!(platform.allocate_private(1).is_none());
}

#[test]
fn tracking_memory_comes_back_once() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let words = platform.allocate_private(24).unwrap();
    assert!(words.len() >= 24 && ledger.lent_private() == 1);
    platform.deallocate_private(words.into());
    assert!(ledger.is_settled());
    let foreign: &'static mut [u64] = Box::leak(vec![0; 3].into());
    platform.deallocate_private(foreign.into());
    assert_eq!(ledger.violations(), [OwnershipViolation::ForeignTracking(3)]);
}
