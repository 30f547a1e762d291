//! The test platform: allocation, injected failures and ownership checks.

use std::alloc::Layout;

use aerostat_balloon::{FrameRun, Frames, Size4KiB, Size16KiB, Size64KiB};
use aerostat_device::{BalloonDevice, FrameEvent, MemoryLayout, OwnershipViolation, Runs, TestPlatform, When};
use aerostat_transport::Dma;

use super::raw_driver::{DEFLATE, INFLATE, live_8_mib};

fn platform() -> (BalloonDevice, TestPlatform) {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let platform = TestPlatform::of(&device).unwrap();
    (device, platform)
}

#[test]
fn frames_are_between_low_memory_and_dma_memory() {
    let device = BalloonDevice::builder().memory(8 << 20).inline().start().unwrap();
    let memory = device.memory();
    assert_eq!(TestPlatform::<Size4KiB>::builder(memory).build().unwrap().range(), 256..1792);
    assert_eq!(TestPlatform::<Size16KiB>::builder(memory).build().unwrap().range(), 64..448);
    assert_eq!(TestPlatform::<Size64KiB>::builder(memory).dma_bytes(4096).build().unwrap().range(), 16..127);
    assert!(TestPlatform::<Size4KiB>::builder(memory).dma_bytes(7 << 20).build().is_err());
    assert!(TestPlatform::<Size4KiB>::builder(memory).dma_bytes(9 << 20).build().is_err());
}

#[test]
fn frames_are_allocated_and_returned() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let run = platform.allocate(3).unwrap();
    assert_eq!((run.first(), run.count(), ledger.free_frames()), (256, 3, 1533));
    assert_eq!(ledger.allocated_frames(), [256, 257, 258].into());
    assert!(!ledger.all_returned());
    platform.deallocate(run);
    assert_eq!(
        ledger.events(),
        [FrameEvent::Allocated { first: 256, count: 3 }, FrameEvent::Deallocated { first: 256, count: 3 },]
    );
    assert!(ledger.all_returned() && ledger.violations().is_empty());
}

#[test]
fn returning_an_unallocated_frame_is_a_violation() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let run = platform.allocate(1).unwrap();
    // SAFETY: one of the two frames is allocated and one is free; no other code uses them while the run exists.
    let forged = unsafe { FrameRun::from_raw(run.first(), 2) };
    platform.deallocate(forged);
    platform.deallocate(run);
    assert_eq!(ledger.violations(), [OwnershipViolation::NotAllocated(257), OwnershipViolation::NotAllocated(256)]);
}

#[test]
fn returning_a_frame_before_its_deflation_is_a_violation() {
    let (device, mut driver) = live_8_mib();
    // The rings of the raw driver are in low frames, from 2 MiB on.
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let ledger = platform.ledger();
    ledger.use_frames(1024);
    let (early, good) = (platform.allocate(1).unwrap(), platform.allocate(1).unwrap());
    let pages = [early.first() as u32, good.first() as u32];
    driver.memory.write(0, &[0]).unwrap();
    driver.bring_up();
    driver.send(INFLATE, &pages);
    driver.send(DEFLATE, &pages[1..]);
    platform.deallocate(good);
    assert_eq!(ledger.violations(), []);
    platform.deallocate(early);
    assert_eq!(ledger.violations(), [OwnershipViolation::ReturnedBeforeDeflation(pages[0].into())]);
    driver.send(DEFLATE, &pages[..1]);
    assert_eq!(device.violations().len(), 1, "the device detects that the page was touched");
    driver.send(INFLATE, &pages[..1]);
    assert_eq!(platform.allocate(1).map(|run| run.first()), Some(pages[0].into()));
    assert_eq!(ledger.violations().last(), Some(&OwnershipViolation::BalloonedUnowned(pages[0].into())));
}

#[test]
fn the_number_of_frames_can_be_limited() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    ledger.limit_frames(Some(2));
    assert_eq!(platform.allocate(5).map(|run| run.count()), Some(2));
    assert_eq!(platform.allocate(5), None);
    ledger.limit_frames(None);
    assert_eq!(ledger.use_frames(10_000), 1534);
    assert_eq!(platform.allocate(1), None);
    ledger.free_used_frames();
    ledger.set_runs(Runs::AtMost(7));
    assert_eq!(platform.allocate(100).map(|run| run.count()), Some(7));
    assert_eq!(ledger.events().iter().filter(|event| **event == FrameEvent::AllocationFailed).count(), 2);
}

#[test]
fn dma_memory_is_not_zeroed_and_has_a_bus_address() {
    let layout = MemoryLayout { base: 0, bytes: 8 << 20, bus_offset: 0x4000_0000 };
    let device = BalloonDevice::builder().memory_at(layout).inline().start().unwrap();
    let mut platform = TestPlatform::<Size4KiB>::of(&device).unwrap();
    let region = platform.alloc(Layout::from_size_align(64, 4096).unwrap()).unwrap();
    assert_eq!(region.device_address().0, 0x4000_0000 + (7 << 20));
    let mut bytes = [0; 64];
    device.memory().read(7 << 20, &mut bytes).unwrap();
    assert_ne!(bytes, [0; 64]);
    assert_eq!(platform.ledger().allocated_dma(), 1);
    platform.free(region);
    assert!(platform.ledger().all_returned() && platform.ledger().violations().is_empty());
}

#[test]
fn freeing_dma_memory_of_another_platform_is_a_violation() {
    let ((_one, mut here), (_two, mut there)) = (platform(), platform());
    let region = there.alloc(Layout::new::<u64>()).unwrap();
    here.free(region);
    assert!(matches!(here.ledger().violations()[..], [OwnershipViolation::UnknownDma { length: 8, .. }]));
}

#[test]
fn allocations_can_be_made_to_fail() {
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
fn private_memory_can_be_returned_once() {
    let (_device, mut platform) = platform();
    let ledger = platform.ledger();
    let words = platform.allocate_private(24).unwrap();
    assert!(words.len() >= 24 && ledger.allocated_private() == 1);
    // SAFETY: the platform allocated the words.
    unsafe { platform.deallocate_private(words.into()) };
    assert!(ledger.all_returned());
    let foreign: &'static mut [u64] = Box::leak(vec![0; 3].into());
    // SAFETY: the ledger only compares the address.
    unsafe { platform.deallocate_private(foreign.into()) };
    assert_eq!(ledger.violations(), [OwnershipViolation::UnknownPrivateMemory(3)]);
}
